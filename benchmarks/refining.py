"""Which rewritten prompts win: drafts of the bundled model, judged as `tenfold zoom --refine` judges them.

    python -m benchmarks.refining [--stories autumn-branch leaf-to-atoms] [--seeds 2] [--out FOLDER]

Of each story of the results (docs/results/stories) the first draft is compared with that of three proposals for all its
levels. "synonym" says the same in other words that the model was taught: where its pictures show the author's words
better, it may win. "fault" is for every level the phrase of the model's whole vocabulary that the scorer finds nearest
to the first draft's picture: what an eye would write that merely describes what it sees. "wrong" is the wording of the
next level. Neither may win. The gain is that of all levels against the first prompts, in points of 100 cos; "own" the
change of each version against its own prompts, by which "fault" could win if it counted.
"""

import argparse
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from evaluation.networks.clip import load_scorer
from prompts import Story, load_story
from tasks.drafts import Draft, drafted, make_draft
from tasks.render import load_stack
from tasks.specs import RunConfig, with_settings
from tasks.verdict import verdict
from zoomlib.bundled.world.vocabulary import CLASSES, COLOUR_NAMES, FAR, NEAR, phrase

STORIES = Path("docs/results/stories")


def synonym(prompt: str) -> str:
    """The same in other words of the vocabulary."""
    classes = [(index, colour) for index in range(len(CLASSES)) for colour in COLOUR_NAMES]
    other = {phrase(*one, variant=v): phrase(*one, variant=v + 1) for one in classes for v in range(3)}
    known = "|".join(sorted(map(re.escape, other), key=len, reverse=True))
    return re.sub(known, lambda found: other[found[0]], prompt)


def worded(story: Story, prompts: Sequence[str]) -> Story:
    """The story with these prompts."""
    levels = (level.model_copy(update={"prompt": text}) for level, text in zip(story.levels, prompts, strict=True))
    return story.model_copy(update={"levels": tuple(levels)})


def described(draft: Draft) -> list[str]:
    """For every level the phrase that the scorer finds nearest to its picture."""
    scorer = load_scorer("bundled")
    phrases = sorted(
        {phrase(i, colour, view) for i in range(len(CLASSES)) for colour in COLOUR_NAMES for view in (FAR, NEAR, None)}
    )
    with tempfile.TemporaryDirectory() as work:
        levels = load_stack(draft.run, draft.results, Path(work)).levels
    nearest = (scorer.embed_images(levels) @ scorer.embed_texts(phrases).T).argmax(1)
    return [phrases[index] for index in nearest.tolist()]


def rows(name: str, seed: int, root: Path) -> list[tuple[str, ...]]:
    """A row for each proposal."""
    first = load_story(STORIES / f"{name}.yaml")
    own = [level.prompt for level in first.levels]
    config = with_settings(RunConfig(), [f"seed={seed}"])
    before, found = make_draft(drafted(config, first, root), first), []
    proposals = {"synonym": [synonym(text) for text in own], "fault": described(before), "wrong": [*own[1:], own[0]]}
    for kind, prompts in proposals.items():
        draft = make_draft(drafted(config, worded(first, prompts), root), first)
        marks, best = draft.marks, before.marks
        said = verdict(marks, best, range(len(own)))
        gain = sum(marks.first) / len(own) - sum(best.first) / len(own)
        numbers = (f"{gain:+.2f}", f"{marks.own - best.own:+.2f}")
        found.append((name, str(seed), kind, *numbers, "wins" if said.better else "", said.reason))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", nargs="+", default=sorted(path.stem for path in STORIES.glob("*.yaml")))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, help="keep the drafts in this folder of runs")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = asked.out or Path(temporary)
        print("| story | seed | proposal | gain | own | | why |\n|---|---|---|---|---|---|---|", flush=True)
        for name in asked.stories:
            for seed in range(asked.seeds):
                for row in rows(name, seed, root):
                    print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
