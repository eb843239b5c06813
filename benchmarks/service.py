"""What a question to a language model takes beyond the service's own time, against the plain client.

    python -m benchmarks.service [--rounds 40] [--json]

A server on this machine answers at once with a schedule of 64 levels. A: `Service.ask`, with its deadline, limits,
counting and keeping. B: the openai client as it comes, made once, which reuses its connection. Both stream, in turns.
Then the same question again, which is found among the kept replies, and the reading of the JSON alone.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import openai

from prompts.service.client import connect
from prompts.service.json_text import read_object
from prompts.service.replies import Replies
from tests.doubles.openai_server import Reply, serving

LEVEL = {"width_m": 1.5, "prompt": "a mossy stone wall with ferns and a small snail in the centre", "subject": "a wall"}
TEXT = json.dumps({"title": "Wall", "viewpoint": "from above", "style": "photograph", "levels": [LEVEL] * 64})


def ms(act: Callable[[], object]) -> float:
    """Milliseconds by the clock of one call."""
    started = time.perf_counter()
    act()
    return 1e3 * (time.perf_counter() - started)


def measure(rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each way, one entry a round."""
    found: dict[str, list[float]] = {"service": [], "plain client": [], "kept": [], "json": []}
    with serving([Reply(TEXT, usage=(10, 10))]) as server, TemporaryDirectory() as folder:
        service = connect("m", base_url=server.url, key="none", replies=Replies(Path(folder)))
        with openai.OpenAI(base_url=server.url, api_key="none") as client:

            def plainly(messages: list) -> str:
                stream = client.chat.completions.create(model="m", messages=messages, stream=True)
                return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)

            for number in range(-1, rounds):  # the first pair imports what is needed
                messages = [{"role": "user", "content": f"question {number}"}]
                asked = {
                    "service": ms(lambda said=messages: service.ask(said)),
                    "plain client": ms(lambda said=messages: plainly(said)),
                    "kept": ms(lambda said=messages: service.ask(said)),
                    "json": ms(lambda: read_object(TEXT)),
                }
                if number >= 0:
                    for way, taken in asked.items():
                        found[way].append(taken)
    return found


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    found = measure(asked.rounds)
    if asked.json:
        print(json.dumps(found))
        return
    print(f"{'ms':<16}{'median':>8}{'worst':>8}")
    for way, taken in found.items():
        print(f"{way:<16}{statistics.median(taken):>8.2f}{max(taken):>8.2f}")
    ratio = statistics.median(a / b for a, b in zip(found["service"], found["plain client"], strict=True))
    print(f"service / plain client, round by round: {ratio:.1f}")


if __name__ == "__main__":
    main()
