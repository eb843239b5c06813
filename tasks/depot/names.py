"""Names of places where runs are kept: local folders, and URLs of stores that fsspec knows."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import urlsplit

from tasks.errors import RefusedError

_URL = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_FLATTENED = re.compile(r"([a-z][a-z0-9+.-]+):/(?!/)", re.IGNORECASE)
_SAME = {"s3a": "s3", "gcs": "gs", "local": "file"}
_KEYED = ("s3", "s3a", "gs", "gcs")
_ENDPOINTS = "the environment, as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or GOOGLE_APPLICATION_CREDENTIALS"


def is_url(name: str | Path) -> bool:
    """Whether a name is a URL. One that was a `Path` in between has lost a slash and is known all the same."""
    return bool(_URL.match(str(name)) or _FLATTENED.match(str(name)))


def url_of(name: str | Path) -> str:
    """The one spelling of a URL. Raises RefusedError for a URL with a secret in it, or of no place."""
    text = str(name).strip()
    if not _URL.match(text):
        text = _FLATTENED.sub(lambda found: f"{found[1]}://" + "/" * (found[1].lower() in ("file", "local")), text)
    try:
        parts = urlsplit(text)
        keyed = parts.username is not None and parts.scheme.lower() in _KEYED
        hidden = parts.password is not None or keyed or parts.query or parts.fragment
    except ValueError as error:
        raise RefusedError(f"{text!r} is no URL: {error}.") from error
    if hidden:  # the URL is written to files and shown: nothing of it is repeated here
        raise RefusedError(
            f"The URL of {parts.scheme}:// has a key, a password, `?` or `#` in it. Name only the place, as "
            f"s3://bucket/folder; keys are read from {_ENDPOINTS}."
        )
    protocol = _SAME.get(parts.scheme.lower(), parts.scheme.lower())
    folders = [folder for folder in parts.path.split("/") if folder not in ("", ".")]
    if ".." in folders:
        raise RefusedError(f"{text} has `..` in it. Name the place itself.")
    if protocol == "file":
        if parts.netloc:
            raise RefusedError(f"{text} is no place: after file:// the whole path follows, as file:///data/runs.")
        return "file:///" + "/".join(folders)
    if not parts.netloc and not folders:
        raise RefusedError(f"{text} names no place. Name a bucket and a folder, as s3://bucket/folder.")
    return f"{protocol}://" + "/".join([parts.netloc, *folders] if parts.netloc else folders)


def slug_of(url: str) -> str:
    """A plain name for a folder that stands for `url`, another one for every other URL."""
    words = re.sub(r"[^a-z0-9]+", "-", url.lower()).strip("-")[:60]
    return f"{words}-{hashlib.sha256(url.encode()).hexdigest()[:12]}"
