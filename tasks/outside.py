"""What of a failure is the outside world's doing, so that trying again later may help."""

from __future__ import annotations

import errno

from tasks.depot.failures import AwayError

WAITS_S = (5.0, 30.0, 120.0)
"""Before the second try of a stage, the third and the last; who asks a service has tried again himself by then."""
_NETWORKS = ("aiohttp", "botocore", "httpcore", "httpx", "requests", "urllib3")
_NUMBERS = {
    errno.EIO,
    errno.ESTALE,
    errno.ETIMEDOUT,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.EREMOTEIO,
}
"""What the kernel says of a network, or of a disk at its other end; not that a disk is full or read-only."""


def passes(error: BaseException | None) -> bool:
    """Whether an error, or one of those that it came of, is of the outside world and may pass by itself."""
    while error is not None:
        if isinstance(error, AwayError | ConnectionError | TimeoutError):
            return True
        if isinstance(error, OSError) and error.errno in _NUMBERS:
            return True
        if type(error).__module__.partition(".")[0] in _NETWORKS:
            return True
        error = error.__cause__
    return False
