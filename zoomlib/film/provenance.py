"""How a film and its pictures were made, written into the files themselves.

Words for people, one JSON object for programs, and the term of the IPTC by which platforms know what machines made.
"""

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from zoomlib.film import ffmpeg, stamps, xmp
from zoomlib.film.subtitles import one_line
from zoomlib.film.whole import whole

SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
MACHINE, MIXED, COMPOSED = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "composite"
"""Terms of the IPTC (NewsCodes, Digital Source Type): made by a trained model; that, with given pictures in it; put
together of pictures of whose origin nothing is said."""
PICTURES, FILMS = (".png", ".webp", ".gif"), (".mp4", ".mov")
LONGEST = 8000
"""Characters of a story's text that a tag repeats; players show tags, and some refuse long ones."""


def tags(
    *,
    title: str,
    story: str,
    model: str,
    method: str,
    seed: int | None,
    software: str,
    run_id: str,
    config_sha256: str,
    made_by_machine: bool = True,
    given_pictures: bool = False,
) -> dict[str, str]:
    """The tags of a film or picture: "title", "description" for people, "comment" with one JSON object for programs.

    `story` is its text, as on disk or as told; `made_by_machine`: a model drew it; `given_pictures`: some of it was
    given. The same values give the same tags: nothing tells when or on which machine they were made.
    """
    source = (MIXED if given_pictures else MACHINE) if made_by_machine else COMPOSED
    facts = {
        "digital_source_type": SOURCE_TYPES + source,
        "software": software,
        "model": model,
        "method": method,
        "seed": seed,
        "run": run_id,
        "config_sha256": config_sha256,
        "story": story[:LONGEST],
    }
    return {
        "title": one_line(title),
        "description": _sentence(source, software, model, method, seed),
        "comment": json.dumps({k: v for k, v in facts.items() if v not in (None, "")}),
    }


def _sentence(source: str, software: str, model: str, method: str, seed: int | None) -> str:
    if source == COMPOSED:
        return one_line(f"A zoom put together of given pictures by {software}.")
    given = " Some of its pictures were given." if source == MIXED else ""
    with_seed = "" if seed is None else f" and the seed {seed}"
    return one_line(f"Made by a machine: {software} with the model {model}, the method {method}{with_seed}.{given}")


def save_png(picture: Image.Image, path: str | os.PathLike[str], tags: Mapping[str, str]) -> Path:
    """Write a picture as PNG with its tags. A reader never sees half a file."""
    path = Path(path)
    with whole(path) as temporary:
        picture.save(temporary, format="PNG")
        _stamp(temporary, ".png", tags)
    return path


def stamp(path: str | os.PathLike[str], tags: Mapping[str, str]) -> bool:
    """Write the tags into a .png, .webp, .gif, .mp4 or .mov as XMP; pictures and films in it stay as they are.

    Returns whether this kind of file has a place for it. The file is replaced as a whole. Stamping twice leaves the
    second tags. Raises InvalidInputError for a file that is not what its name says.
    """
    path = Path(path)
    if path.suffix.lower() not in PICTURES + FILMS:
        return False
    with whole(path) as temporary:
        shutil.copyfile(path, temporary)
        _stamp(temporary, path.suffix.lower(), tags)
    return True


def read_tags(path: str | os.PathLike[str]) -> dict[str, str]:
    """The tags that `stamp` or `save_png` wrote into a file, or else those of a film's container; empty without any.

    Raises InvalidInputError for a packet that is no XMP, VideoError for a film that ffmpeg cannot read.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in PICTURES:
        packet = stamps.find(path.read_bytes())
    else:
        packet = stamps.find_in_film(path) if suffix in FILMS else None
        if packet is None:
            return _container_tags(path)
    return {} if packet is None else xmp.read(packet)


def _stamp(path: Path, suffix: str, tags: Mapping[str, str]) -> None:
    packet = xmp.write(tags, _facts(tags))
    if suffix in FILMS:
        stamps.film(path, packet)
    elif suffix == ".png":
        path.write_bytes(stamps.png(path.read_bytes(), packet, {name.title(): text for name, text in tags.items()}))
    else:
        path.write_bytes((stamps.webp if suffix == ".webp" else stamps.gif)(path.read_bytes(), packet))


def _facts(tags: Mapping[str, str]) -> dict[str, object]:
    """The object in the comment; empty for another one's comment."""
    try:
        facts = json.loads(tags.get("comment", ""))
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _container_tags(path: Path) -> dict[str, str]:
    """The tags of a film, from ffmpeg's list of them: name=value, with a backslash before special characters."""
    arguments = ["-i", ffmpeg.url(path), "-f", "ffmetadata", "pipe:1"]
    listed = ffmpeg.output(arguments, f"To read the tags of {path}").decode(errors="replace")
    head = re.split(r"^\[", listed, maxsplit=1, flags=re.MULTILINE)[0]
    pairs = re.findall(r"^((?:[^=;#\\\n]|\\.)+)=((?:[^\\\n]|\\(?:.|\n))*)$", head, flags=re.MULTILINE)
    plain = {name.lower(): re.sub(r"\\(.|\n)", r"\1", value) for name, value in pairs}
    return {name: plain[name] for name in xmp.WORDS if name in plain}
