"""The commands that only tell: ready stories, checks of a story, its schema, models."""

from __future__ import annotations

import json
from pathlib import Path

from flows.terminal import plain, table


def stories(name: str | None) -> None:
    """Print a ready story as YAML, or the list of all."""
    import prompts

    if name is not None:
        print(prompts.dump_story(prompts.load_story(name)), end="")
        return
    rows = [(s.name, str(s.levels), f"{s.p:g}", plain(s.about or s.title)) for s in prompts.describe()]
    table(("story", "levels", "p", "about"), rows)
    print("\nMake one: tenfold zoom NAME. Start your own from one: tenfold stories NAME > mine.yaml")


def check(file: str) -> None:
    """Say that a story is sound, and what it holds; raises StoryError otherwise."""
    import prompts

    story = prompts.load_story(file)
    levels = f"{len(story.levels)} level{'s' * (len(story.levels) > 1)}"
    print(f"{plain(story.title)}: a sound story of {levels}, p = {story.p:g}{', looping' * story.loop}.")
    for index, prompt in enumerate(story.prompts()):
        print(f"{index:3d}  {plain(prompt)}")
    print(f"Whether it makes a good zoom, level by level: tenfold plan {plain(file)} --check")


def schema() -> None:
    """Print the JSON Schema of story files."""
    import prompts

    print(json.dumps(prompts.schema(), indent=2, ensure_ascii=False))


def collect(out: Path | None) -> None:
    """Sweep the store, and say what that freed."""
    from tasks import environment
    from tasks.cleaning import clean

    cleaned = clean(out or environment.read().runs)
    print(f"{cleaned.files:,} files removed, {cleaned.bytes / 2**20:,.1f} MB freed.")


def models() -> None:
    """Print the models that are here: the bundled one and those in the models folder."""
    from tasks import environment
    from tasks.models import available

    folder = environment.read().models
    rows = [(m["name"], m["family"], str(m["revision"])[:12], m["note"]) for m in available(folder)]
    table(("model", "family", "revision", ""), rows)
    print(f"\nUse one: tenfold zoom STORY --model NAME-OR-FOLDER. Local models are looked for in {folder}/.")
