"""English plurals of the ladder's names, and spellings that mean the same word."""

from __future__ import annotations

IRREGULAR = {
    "person": "people", "man": "men", "woman": "women", "child": "children", "foot": "feet", "tooth": "teeth",
    "mouse": "mice", "louse": "lice", "goose": "geese", "fish": "fish", "sheep": "sheep", "deer": "deer",
    "aircraft": "aircraft", "spacecraft": "spacecraft", "plankton": "plankton", "snowman": "snowmen",
    "axis": "axes", "phenomenon": "phenomena", "stoma": "stomata", "genus": "genera", "virus": "viruses",
    "chrysalis": "chrysalises", "iris": "irises", "lens": "lenses", "proof": "proofs", "roof": "roofs",
    "reef": "reefs", "cliff": "cliffs",
}  # fmt: skip
ENDINGS = (
    ("nebula", "nebulae"), ("supernova", "supernovae"), ("alga", "algae"), ("larva", "larvae"),
    ("antenna", "antennae"), ("hypha", "hyphae"), ("bacterium", "bacteria"), ("mitochondrion", "mitochondria"),
    ("nucleus", "nuclei"), ("fungus", "fungi"), ("cactus", "cacti"), ("leaf", "leaves"), ("loaf", "loaves"),
    ("shelf", "shelves"), ("wolf", "wolves"), ("calf", "calves"), ("half", "halves"), ("knife", "knives"),
    ("life", "lives"), ("wife", "wives"),
)  # fmt: skip
SPELLINGS = {
    "disk": "disc", "fiber": "fibre", "harbor": "harbour", "center": "centre", "mold": "mould", "neuron": "neurone",
    "airplane": "aeroplane", "plow": "plough", "gray": "grey", "color": "colour", "jewelry": "jewellery",
    "molusk": "mollusc", "mollusk": "mollusc", "sulfur": "sulphur", "aluminum": "aluminium", "theater": "theatre",
}  # fmt: skip


def plurals(word: str) -> tuple[str, ...]:
    """The plurals of a word in lower case that are in use: "leaves"; "nebulae" and "nebulas"."""
    if word in IRREGULAR:
        return (IRREGULAR[word],)
    regular = _regular(word)
    return (*(word[: -len(end)] + many for end, many in ENDINGS if word.endswith(end)), regular)


def _regular(word: str) -> str:
    if word.endswith("y") and word[-2:-1] not in ("a", "e", "i", "o", "u", ""):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "z", "ch", "sh")) else f"{word}s"


def usual_spelling(word: str) -> str:
    """A word in lower case as the ladder spells it: "disc" for "disk", "fibres" for "fibers"."""
    if word in SPELLINGS:
        return SPELLINGS[word]
    return f"{SPELLINGS[word[:-1]]}s" if word.endswith("s") and word[:-1] in SPELLINGS else word
