"""A machine that makes stages, with the cache of its environment: `stage_maker URL LEDGER STAGES SECONDS [usual]`.

Every body takes SECONDS in twenty steps, of which each is kept, and tells the ledger when it begins (with the step from
which it goes on) and ends, and when it waits for others. What users would be told is printed. With `usual` leases last
as long as users' do.
"""

import json
import os
import sys
import time
from pathlib import Path

from tasks import events
from tasks.depot.leases import TIMING, Timing
from tasks.depot.marker import STORE
from tasks.depot.roots import open_root
from tasks.stage import Made, StageKey, Workshop

QUICK = Timing(beat_s=0.2, stale_s=1.5, poll_s=0.1, copy_s=0.3)
STEPS = 20


def main(url: str, ledger: str, stages: str, seconds: str, timing: str = "quick") -> None:
    def tell(what: str, stage: int, step: int = 0) -> None:
        line = json.dumps({"what": what, "stage": stage, "step": step, "pid": os.getpid(), "at": time.monotonic()})
        with Path(ledger).open("a") as file:
            file.write(line + "\n")

    def told(event: events.Event) -> None:
        if isinstance(event, events.StageNoted):
            print(event.text, flush=True)

    workshop = Workshop(open_root(url) / STORE, TIMING if timing == "usual" else QUICK)
    with events.listening(told):
        for stage in map(int, stages.split(",")):

            def body(work: Path, stage: int = stage) -> Made:
                state = work / "state"
                done = int(state.read_text()) if state.exists() else 0
                tell("begun", stage, done)
                for step in range(done, STEPS):
                    time.sleep(float(seconds) / STEPS)
                    state.with_name(".state.part").write_text(str(step + 1))
                    state.with_name(".state.part").replace(state)
                (work / "picture.png").write_bytes(f"picture {stage}".encode())
                tell("ended", stage, STEPS)
                return Made({"picture.png": work / "picture.png"})

            workshop.make(StageKey("painting", "1", {"stage": stage}), body, on_wait=lambda s=stage: tell("waits", s))
    print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
