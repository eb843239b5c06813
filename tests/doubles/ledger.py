"""What processes have really made, told by themselves line by line (`tests/doubles/watched`)."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.doubles.prefect_site import ROOT

WATCHED = Path(__file__).with_name("watched")


@dataclass
class Ledger:
    """A file that several processes add to, whole lines at a time."""

    file: Path

    def variables(self, pause_s: float = 0.0, *, painter: bool = False) -> dict[str, str]:
        """What a process must have in its environment to be watched; with `painter`, its models are the tests' own."""
        return {
            **({"WATCHED_PAINTER": "1"} if painter else {}),
            "TENFOLD_LEDGER": str(self.file),
            "WATCHED_PAUSE_S": str(pause_s),
            "PYTHONPATH": f"{WATCHED}:{ROOT}",
        }

    def lines(self, what: str) -> list[dict]:
        """All lines of a kind, in the order in which they came."""
        if not self.file.exists():
            return []
        whole = self.file.read_text().split("\n")[:-1]
        return [line for line in map(json.loads, whole) if line["what"] == what]

    def evaluations(self) -> Counter:
        """How often each evaluation of a model was made, by what the model was given."""
        return Counter(line["work"] for line in self.lines("evaluated"))

    def again(self) -> int:
        """How many evaluations were made although they had been made before."""
        found = self.evaluations()
        return found.total() - len(found)

    def made(self) -> Counter:
        """How often each stage was committed, by (stage, digest of its key)."""
        return Counter((line["stage"], line["digest"]) for line in self.lines("made"))

    def begun(self) -> Counter:
        """How often the body of each stage was begun, by (stage, digest of its key)."""
        return Counter((line["stage"], line["digest"]) for line in self.lines("begun"))
