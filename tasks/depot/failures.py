"""What a depot raises, and which failures of the outside world pass by themselves."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import TypeVar

from tasks.errors import RunError

T = TypeVar("T")
WAITS_S = (0.5, 1.0, 2.0, 4.0)
"""Before the second try, the third, ..."""
PATIENCE_S = 20.0
"""After which nothing is tried again: a network that swallows everything lets each try run into its own timeout."""
_OUTSIDE = ("botocore", "aiobotocore", "aiohttp", "s3fs", "gcsfs", "google", "requests", "urllib3", "paramiko")
_SECRETS = ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "DefaultCredentialsError")
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_TWICE_THE_SAME = (PermissionError, FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError)


class DepotError(RunError):
    """The store that a URL names could not be used. The message names the remedy."""


class AwayError(DepotError):
    """The store did not answer, however often it was asked: the network, or the store, is away for now."""


def retried(act: Callable[[], T], url: str, doing: str, waits_s: tuple[float, ...] = WAITS_S) -> T:
    """What `act` gives, tried again after the times in `waits_s` where the outside world fails.

    FileNotFoundError and FileExistsError are the caller's business and come through. Raises AwayError where it was
    tried in vain, DepotError for what trying again cannot mend, OSError for a disk that takes nothing more.
    """
    given_up_at = time.monotonic() + PATIENCE_S
    for wait_s in (*waits_s, None):
        try:
            return act()
        except (FileNotFoundError, FileExistsError):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _DISK:
                raise  # a disk is full, most likely this machine's own: it says so best itself
            if not passes(error):
                raise DepotError(f"{doing} in {url} failed: {_said(error)}. {_remedy(error)}") from error
            if wait_s is None or time.monotonic() > given_up_at:
                raise AwayError(
                    f"{url} could not be reached while {doing}: {_said(error)}. Look at the network and at the store; "
                    "what has been made is kept here, and the same command goes on."
                ) from error
            time.sleep(wait_s)
    raise AssertionError("the last try returns or raises")


def passes(error: Exception) -> bool:
    """Whether a failure is of the outside world, so that trying again may help."""
    if type(error).__name__ in _SECRETS or isinstance(error, _TWICE_THE_SAME) or _is_forbidden(error):
        return False
    return isinstance(error, OSError | EOFError) or type(error).__module__.partition(".")[0] in _OUTSIDE


def _remedy(error: Exception) -> str:
    if type(error).__name__ in _SECRETS:
        return "Set the store's keys in the environment, as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    if isinstance(error, PermissionError) or _is_forbidden(error):
        return "The keys in the environment must be allowed to list, read, write and delete there."
    return "Look at the URL and at what the store allows."


def _is_forbidden(error: Exception) -> bool:
    """Whether gcsfs means that the keys do not allow it: it has no exception of its own for that."""
    return getattr(error, "code", None) in (401, 403) or str(error).startswith("Forbidden")


def _said(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
