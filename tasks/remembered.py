"""Models and scorers described once for many runs that are planned together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from tasks.run import Tools

T = TypeVar("T")


def remembering(tools: Tools) -> Tools:
    """Tools that describe each model and each scorer once, and refuse again what was refused before.

    For as long as it takes to plan: what lies in a model's folder is not looked at again.
    """
    return replace(tools, describe=_once(tools.describe), describe_scorer=_once(tools.describe_scorer))


def _once(describe: Callable[..., T]) -> Callable[..., T]:
    known: dict[str, T | Exception] = {}

    def described(name: str, **options: Any) -> T:
        key = repr((name, sorted(options.items())))
        if key not in known:
            try:
                known[key] = describe(name, **options)
            except Exception as error:
                known[key] = error
        found = known[key]
        if isinstance(found, Exception):
            raise found.with_traceback(None)
        return found

    return described
