"""The commands that only tell: ready stories, checks of a story, its schema, models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

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


def models(*, as_json: bool = False) -> None:
    """Print the models that are here: the bundled one, those in the models folder and in the hub's cache."""
    from tasks import environment
    from tasks.models import available

    folder = environment.read().models
    found = list(available(folder))
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    rows = [(m["name"], m["family"], size(m["bytes"]), m["revision"][:12], m["note"]) for m in found]
    table(("model", "family", "size", "revision", ""), rows)
    print(
        f"\nUse one: tenfold zoom STORY --model NAME. Local models are looked for in {folder}/, others in the hub's "
        "cache.\nGet one: tenfold models get ORG/NAME. Train planes of your own: tenfold train-infinity."
    )


def styles() -> None:
    """Print the styles that configurations may name."""
    from tasks.styles import styles as known

    table(("style", "words", "not"), [(name, style.words, style.negative) for name, style in known().items()])
    print('\nUse one: tenfold zoom STORY --style NAME, or --style "words of your own, with a comma".')


def size(count: int | None) -> str:
    """Bytes for people."""
    if count is None:
        return ""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def get_models(names: Sequence[str], dtype: str) -> None:
    """Get models from the hub, or their newest version, and say what they are and where they lie."""
    from tasks.models import get

    for name in names:
        found = get(name, dtype)
        print(f"{name}: {found['family']}, {size(found['bytes'])}, commit {found['commit']}\n  in {found['folder']}")


def presets(*, as_json: bool = False) -> None:
    """Print the presets, and which of their models are here."""
    from tasks import presets as known
    from tasks.models import is_here

    here = {name: is_here(name) for preset in known.presets() for name in preset.models}
    if as_json:
        print(json.dumps([asdict(preset) for preset in known.presets()], indent=2))
        return
    for preset in known.presets():
        print(f"{preset.name}: for {preset.about}; needs {preset.needs}")
        table(("model, or instead", ""), [(name, "here" if here[name] else "") for name in preset.models])
    print("Use one: tenfold zoom STORY --preset NAME. What is said beside it, by options or --set, is kept.")
