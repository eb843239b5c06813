"""Titles as folder names."""

from __future__ import annotations

import hashlib
import re
import unicodedata

LENGTH = 48  # characters of the readable part; a hash of 8 may follow
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))}  # by Windows


def slug(title: str) -> str:
    """A folder name for any title: 1 to 57 of a-z, 0-9 and '-', never reserved by a system, never a path.

    Where letters, digits or symbols had to go, eight digits of a hash of the title keep different titles apart.
    Case, white space and punctuation do not: "Galaxy, to leaf!" and "galaxy to leaf" share a name. The same title in
    different Unicode normalisations has one name.
    """
    plain = unicodedata.normalize("NFKD", title)
    ascii_only = "".join(c for c in plain.lower() if c.isascii())
    name = re.sub(r"[^a-z0-9]+", "-", ascii_only.replace("'", "")).strip("-")
    kept = sum(c.isalnum() for c in name)
    meant = sum(unicodedata.category(c)[0] not in "ZP" for c in plain)
    short = name[:LENGTH].rstrip("-")
    if short and short == name and kept == meant and name not in RESERVED:
        return name
    digest = hashlib.sha256(unicodedata.normalize("NFKC", title).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{short}-{digest}" if short else f"story-{digest}"
