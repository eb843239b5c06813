"""What fsspec knows of stores: the filesystem of a URL, and how those of different stores tell the same things."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tasks.errors import RefusedError

_INSTALL = {"s3": "pip install 'tenfold[s3]'", "gs": "pip install 'tenfold[gcs]'"}
_OPTIONS: dict[str, dict[str, Any]] = {
    # They would try again on their own, for minutes: who waits here shall be told before that.
    "s3": {"config_kwargs": {"connect_timeout": 5, "read_timeout": 20, "retries": {"max_attempts": 0}}},
    "gs": {"requests_timeout": 20},
}


def filesystem_of(url: str) -> Any:
    """The filesystem that reaches a URL; nothing is sent yet. Raises RefusedError where there is none."""
    import fsspec

    protocol = url.partition("://")[0]
    try:
        made = fsspec.filesystem(
            protocol, use_listings_cache=False, skip_instance_cache=True, **_OPTIONS.get(protocol, {})
        )
    except ImportError as error:
        remedy = _INSTALL.get(protocol, f"Install the package that brings {protocol}:// to fsspec")
        raise RefusedError(f"{url} cannot be reached: {error}. {remedy}.") from error
    except ValueError as error:
        raise RefusedError(f"{url} is of no known store: {error}. Name a folder, s3://... or gs://...") from error
    if protocol == "s3":
        made.retries = 1
    return made


def is_local(filesystem: Any) -> bool:
    """Whether a filesystem is of this machine's folders."""
    protocol = filesystem.protocol
    return "file" in ((protocol,) if isinstance(protocol, str) else protocol)


def has_create(filesystem: Any) -> bool:
    """Whether a filesystem claims conditional writes: fsspec's own way of them looks first and writes then."""
    if is_local(filesystem):
        return True
    kind = type(filesystem)
    return any(
        name in vars(base)
        for base in kind.__mro__
        if base.__module__ not in ("fsspec.spec", "fsspec.asyn", "builtins")
        for name in ("pipe_file", "_pipe_file")
    )


def written(found: Mapping[str, Any]) -> float | None:
    """When a file was written, in Unix time, by what a filesystem tells of it; None where it does not."""
    for name in ("mtime", "LastModified", "updated", "last_modified", "created"):
        value = found.get(name)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, int | float):
            return float(value)
        if isinstance(value, str):
            with contextlib.suppress(ValueError):
                return datetime.fromisoformat(value).timestamp()
    return None
