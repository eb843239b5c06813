"""How long the command takes to say something: `tenfold --help`, `version`, `stories`, a refused story, a dry run.

    python benchmarks/import_time.py [--rounds 5] [--json]

Each is a process of its own; printed is the median of the wall time over the rounds.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time

TENFOLD = "import sys; sys.argv[0] = 'tenfold'; from flows.cli import main; main()"
CASES = {
    "--help": ["--help"],
    "zoom --help": ["zoom", "--help"],
    "version": ["version"],
    "stories": ["stories"],
    "refused story": ["zoom", "/no/such/story.yaml"],
    "dry run": ["zoom", "cosmic-leaf", "--dry-run", "--set", "scores.scorer=none"],
}


def seconds(arguments: list[str], folder: str) -> float:
    """Wall seconds of one run of the command."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", TENFOLD, *arguments], cwd=folder, capture_output=True, check=False)
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = {
            name: statistics.median(seconds(arguments, folder) for _ in range(options.rounds))
            for name, arguments in CASES.items()
        }
    if options.json:
        print(json.dumps(found))
        return
    for name, median in found.items():
        print(f"{name:<14} {median:6.2f} s")


if __name__ == "__main__":
    main()
