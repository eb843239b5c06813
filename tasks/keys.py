"""The key of a service: read when it is needed, from the environment or a Prefect secret, and never kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from tasks import environment
from tasks.errors import RefusedError

KEY, BASE_URL = "OPENAI_API_KEY", "OPENAI_BASE_URL"  # named here again: where openai is met, importing takes a second
LONG = 12  # characters of a key; a server of one's own may take a word for it


def has_service(secret: str | None, base_url: str | None, variables: Mapping[str, str] = os.environ) -> bool:
    """Whether a key or the address of a service is there, or a secret is named. Reads no secret."""
    told = (secret, base_url, variables.get(KEY, "").strip(), variables.get(BASE_URL, "").strip())
    return any(told)


def has_key(variables: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment holds a key."""
    return bool(variables.get(KEY, "").strip())


def refuse_key(*told: BaseModel, variables: Mapping[str, str] = os.environ) -> None:
    """Raise RefusedError where the environment's key stands in a wish or in settings: they are written to files."""
    key = variables.get(KEY, "").strip()
    if len(key) >= LONG and any(key in one.model_dump_json() for one in told):
        raise RefusedError(
            f"The key of {KEY} stands in the wish or in a setting. Both are written to files: take it out."
        )


def api_key(secret: str | None, variables: Mapping[str, str] = os.environ) -> str | None:
    """The key in the environment, or else the text of the Prefect Secret block of that name; None without either.

    Raises RefusedError where a secret is named that Prefect does not have or that is no text.
    """
    key = variables.get(KEY, "").strip()
    if key or secret is None:
        return key or None
    value = _secret(secret)
    if not isinstance(value, str) or not value.strip():
        raise RefusedError(f"The Prefect secret {secret!r} holds no text. Save the key in it, as text.")
    return value.strip()


def _secret(name: str) -> object:
    environment.quiet_engine()
    from prefect.blocks.system import Secret

    load: Any = Secret.load  # its type does not know the argument without which a coroutine comes back in a flow
    try:
        return load(name, _sync=True).get()
    except Exception as error:  # whatever a client of Prefect can raise; its text may quote what is stored
        reason = "has no such block" if isinstance(error, ValueError) else f"failed ({type(error).__name__})"
    raise RefusedError(
        f"Prefect {reason}: no secret {name!r} could be read. Save the key as a Secret block of that name on the "
        f"server that Prefect's settings name, or set {KEY}."
    )
