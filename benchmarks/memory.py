"""Peak memory of joint sampling by the number of levels, each in a process of its own.

    python -m benchmarks.memory [--model bundled] [--levels 4 16 64] [--rows 4 auto all] [--device cpu] [--json]

On a CPU it is the most resident memory that the system has seen of the process (VmHWM), less what it had when the model
was loaded; on a graphics card torch's own count of the same. Two steps with guidance are sampled and decoded. `stack`
is what the finished levels take. Noise, blending and updates hold about eight times that (a test counts it), so peaks
that do not depend on the model grow by so much for each level more. A folder, as of `benchmarks.random_models`, may
stand for the bundled model.
"""

import argparse
import json
import os
import resource
import subprocess
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from zoomlib.chunks import Chunked
from zoomlib.denoiser import Denoiser
from zoomlib.guidance import guided
from zoomlib.methods.joint import sample_stack
from zoomlib.models import load_denoiser

MB = 2**20
DTYPES = ("float32", "float16", "bfloat16")


def peak_mb(device: torch.device) -> float:
    """The most memory so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(options: argparse.Namespace) -> dict[str, float]:
    """One run in this process: MB after loading, MB at the peak beyond that, MB of the stack."""
    rows = options.rows[0]
    model = load_denoiser(options.model, device=options.device, dtype=getattr(torch, options.dtype))
    chosen = None if rows == "all" else rows if rows == "auto" else int(rows)
    denoiser: Denoiser = guided(Chunked(model, chosen), 3.0)
    run(denoiser, 1)  # what is made once, as of libraries, is not what levels take
    before = peak_mb(denoiser.device)
    stack = run(denoiser, options.levels[0])
    return {"before": before, "more": peak_mb(denoiser.device) - before, "levels": stack.levels.nbytes / MB}


def run(denoiser: Denoiser, levels: int):
    """A short run of so many levels."""
    generator = torch.Generator().manual_seed(0)
    return sample_stack(denoiser, [f"a grain of sand {i}" for i in range(levels)], p=2, steps=2, generator=generator)


def measured(options: argparse.Namespace, levels: int, rows: str) -> dict[str, float]:
    """As `measure`, in a new process."""
    given = ["--model", options.model, "--device", options.device, "--dtype", options.dtype]
    command = [sys.executable, "-m", "benchmarks.memory", "--here", "--levels", str(levels), "--rows", rows, *given]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--levels", type=int, nargs="+", default=[4, 16, 64])
    parser.add_argument("--rows", nargs="+", default=["4", "auto", "all"], help="levels in the model at a time")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=DTYPES, default="float32")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print(json.dumps(measure(options)))
        return
    table = {rows: {L: measured(options, L, rows) for L in options.levels} for rows in options.rows}
    if options.json:
        print(json.dumps({"model": options.model, "device": options.device, "unit": "MB", "rows": table}))
        return
    print(f"{options.model} on {options.device} in {options.dtype}; MB beyond the loaded model")
    print(f"{'rows':>6s} {'levels':>7s} {'loaded':>8s} {'peak':>8s} {'stack':>8s} {'peak for each level more':>25s}")
    for rows, by_levels in table.items():
        few, first = next(iter(by_levels.items()))
        for L, row in by_levels.items():
            each = "" if few == L else f"{(row['more'] - first['more']) / (L - few):.2f}"
            print(f"{rows:>6s} {L:7d} {row['before']:8.0f} {row['more']:8.1f} {row['levels']:8.1f} {each:>25s}")


if __name__ == "__main__":
    main()
