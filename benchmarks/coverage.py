"""How often 95 % intervals of a mean over a few stories hold the truth: ours, plain percentiles, and Student's t.

    python benchmarks/coverage.py [--repeats 3000]

Values of known mean, normal (no skew) and log-normal with sigma 0.6 (skewed), as many as there are stories.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.stats import t

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from evaluation.resampling import bootstrap_means, intervals, quantile

RESAMPLES = 4000
RANDOM = np.random.default_rng(1)
KINDS = {
    "without skew": (lambda shape: RANDOM.normal(size=shape), 0.0),
    "skewed": (lambda shape: RANDOM.lognormal(0, 0.6, shape), float(np.exp(0.18))),
}


def shares(values: np.ndarray, truth: float) -> list[float]:
    """Shares of rows whose interval holds the truth: plain percentiles, Student's t, ours."""
    stories = values.shape[1]
    means = bootstrap_means(values, RESAMPLES, 0)
    half = t.ppf(0.975, stories - 1) * values.std(1, ddof=1) / np.sqrt(stories)
    ends = [
        (quantile(means, 0.025), quantile(means, 0.975)),
        (values.mean(1) - half, values.mean(1) + half),
        intervals(values, resamples=RESAMPLES),
    ]
    return [float(((low <= truth) & (truth <= high)).mean()) for low, high in ends]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3000)
    repeats = parser.parse_args().repeats
    for kind, (draw, truth) in KINDS.items():
        for stories in (2, 3, 5, 6, 8, 10, 20, 50):
            plain, student, ours = shares(draw((repeats, stories)), truth)
            print(f"{kind:13} {stories:3} stories: percentiles {plain:.1%}, Student's t {student:.1%}, ours {ours:.1%}")
