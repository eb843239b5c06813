"""Words of the procedural world: what the bundled model was taught to draw.

A caption is a phrase, or a phrase with another in its centre: "a blue spiral galaxy with a distant view of a gold
nebula in the centre". A phrase names a class, mostly a colour, and sometimes how near the viewer stands.
"""

from __future__ import annotations

from dataclasses import dataclass

COLOURS: dict[str, tuple[float, float]] = {
    # word: hue in turns, saturation
    "red": (0.985, 0.85),
    "orange": (0.065, 0.9),
    "gold": (0.130, 0.85),
    "green": (0.325, 0.75),
    "teal": (0.475, 0.8),
    "blue": (0.600, 0.85),
    "violet": (0.745, 0.75),
    "pink": (0.885, 0.65),
    "white": (0.600, 0.03),
}
COLOUR_NAMES = tuple(COLOURS)


@dataclass(frozen=True)
class SceneClass:
    """One rung of the world: its name, the phrases that call it ("{}" is where the colour word goes), its own hues."""

    name: str
    phrases: tuple[str, ...]
    natural_hues: tuple[float, ...]


CLASSES = (
    SceneClass(
        "cosmic web", ("the {} cosmic web", "{} filaments of the cosmic web", "a {} web of galaxies"), (0.6, 0.75)
    ),
    SceneClass("galaxy", ("a {} spiral galaxy", "a {} galaxy", "a {} galaxy with curved arms"), (0.6, 0.12, 0.75)),
    SceneClass("nebula", ("a {} nebula", "a {} cloud of gas and stars", "glowing {} nebula clouds"), (0.9, 0.5, 0.05)),
    SceneClass(
        "planetary system",
        ("a {} planetary system", "a {} star with planets", "planets around a {} star"),
        (0.12, 0.06),
    ),
    SceneClass("planet", ("a {} planet", "a {} planet in space", "a round {} planet"), (0.6, 0.45, 0.06)),
    SceneClass("coast", ("a {} coast", "a {} coast from above", "{} land by the sea"), (0.3, 0.25)),
    SceneClass("mountains", ("{} mountains", "{} mountains from above", "a {} mountain range"), (0.08, 0.3, 0.6)),
    SceneClass("forest", ("a {} forest", "a {} forest from above", "{} tree crowns"), (0.3, 0.25, 0.07)),
    SceneClass("leaves", ("{} leaves", "a pile of {} leaves", "a branch of {} leaves"), (0.3, 0.06, 0.13)),
    SceneClass("veins", ("the veins of a {} leaf", "a {} leaf with veins", "{} leaf veins"), (0.3, 0.25)),
    SceneClass("cells", ("{} plant cells", "{} cells under a microscope", "{} living cells"), (0.3, 0.4, 0.85)),
    SceneClass("atoms", ("{} atoms", "a lattice of {} atoms", "{} atoms in a crystal"), (0.6, 0.02, 0.3)),
)
CLASS_NAMES = tuple(c.name for c in CLASSES)

FAR, NEAR = "far", "near"
VIEW_WORDS = {FAR: ("a distant view of {}", "{} from far away"), NEAR: ("a close view of {}", "{} up close")}
CENTRE_WORDS = ("in the centre", "in the center", "in the middle")


def phrase(class_index: int, colour: str | None = None, view: str | None = None, variant: int = 0) -> str:
    """The words for one scene, such as "a distant view of a blue nebula". `variant` picks among equal wordings."""
    forms = CLASSES[class_index].phrases
    words = forms[variant % len(forms)].replace("{}", colour or "").replace("  ", " ").strip()
    words = words.replace("a orange", "an orange").replace("a  ", "a ")
    if view is None:
        return words
    views = VIEW_WORDS[view]
    return views[variant % len(views)].format(words)


def caption(outer: str, inner: str | None = None, variant: int = 0) -> str:
    """One phrase, or two of which the second stands in the centre of the first."""
    return outer if inner is None else f"{outer} with {inner} {CENTRE_WORDS[variant % len(CENTRE_WORDS)]}"
