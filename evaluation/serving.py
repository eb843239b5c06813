"""Pages served from this machine: to its own browser unless told otherwise, and behind a guard in any case."""

import ipaddress
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any
from urllib.parse import quote

import uvicorn
from fastapi import FastAPI

from evaluation.guard import LOOPBACK_NAMES, TOKEN, Application, Guard
from zoomlib.errors import InvalidInputError

LOOPBACK = "127.0.0.1"
GOODBYE_S = 2
"""How long a stopped server waits for answers that are underway."""


@dataclass(frozen=True)
class Address:
    """Where a server is. host: by which a browser reaches it. token: what its links must carry, None where nothing.

    moved: whether the port that was asked for had been taken, so that this is another one.
    """

    host: str
    port: int
    token: str | None = None
    moved: bool = False

    @property
    def url(self) -> str:
        """The server's own address, without a token and without a slash at its end."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def link(self, path: str = "/") -> str:
        """What to open: the address of `path` (which may have a query), with the token where one is needed."""
        if self.token is None:
            return self.url + path
        return f"{self.url}{path}{'&' if '?' in path else '?'}{TOKEN}={quote(self.token)}"


def new_app(title: str) -> FastAPI:
    """An application without pages about its own making."""
    return FastAPI(title=title, docs_url=None, redoc_url=None, openapi_url=None)


def serve(
    app: Application,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    token: str | None = None,
    on_ready: Callable[[Address], None] | None = None,
) -> None:
    """Serve until Ctrl-C or SIGTERM, then return.

    host: a name or address of this machine. Unless that is a loopback one, links carry a token: `token`, or one made
    up now. port: 0 takes any free one; a port that is taken is replaced by a free one (see Address.moved). on_ready:
    called once browsers can connect. Raises InvalidInputError for a host or port that cannot be listened on.
    """
    listener, address = _listen(host, port, token)
    server = _server(app, host, address)
    with closing(listener), _ended_by_signals(server):
        if on_ready is not None:
            on_ready(address)
        server.run(sockets=[listener])


@contextmanager
def serving(app: Application, *, host: str = LOOPBACK, port: int = 0, token: str | None = None) -> Iterator[Address]:
    """Serve beside what the `with` block does, in a thread of this process."""
    listener, address = _listen(host, port, token)
    server = _server(app, host, address)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`, which is a name or an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(host: str, port: int, token: str | None) -> tuple[socket.socket, Address]:
    moved = False
    if not 0 <= port <= 65535:
        raise InvalidInputError(f"A port is a number from 0 to 65535, not {port}.")
    try:
        listener = _bound(host, port)
    except OSError as error:
        if not isinstance(error, socket.gaierror) and port and _taken(host, port):
            listener, moved = _bound(host, 0), True
        else:
            raise InvalidInputError(
                f"Nothing can be served at {host}, port {port}: {error.strerror or error}. "
                "Name an address of this machine (127.0.0.1: itself alone, 0.0.0.0: the network) and another port."
            ) from error
    needed = None if is_loopback(host) else token or secrets.token_urlsafe(24)
    return listener, Address(_reachable(host), listener.getsockname()[1], needed, moved)


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def _taken(host: str, port: int) -> bool:
    """Whether the port is what is wrong, and not the host."""
    try:
        _bound(host, 0).close()
    except OSError:
        return False
    return port > 1023  # a lower one is refused to most users, and was meant


def _reachable(host: str) -> str:
    """An address by which others reach a server that listens on `host`."""
    try:
        if not ipaddress.ip_address(host).is_unspecified:
            return host
    except ValueError:
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address of nobody: sends nothing, but tells the way out
            return str(probe.getsockname()[0])
        except OSError:
            return LOOPBACK


def _server(app: Application, host: str, address: Address) -> uvicorn.Server:
    names = LOOPBACK_NAMES | {host} if address.token is None else None
    guard = Guard(app, names=names, token=address.token, cookie=f"tenfold-{address.port}")
    quiet: dict[str, Any] = {"log_config": None, "log_level": "critical", "access_log": False, "server_header": False}
    config = uvicorn.Config(guard, lifespan="off", ws="none", timeout_graceful_shutdown=GOODBYE_S, **quiet)
    return uvicorn.Server(config)


@contextmanager
def _ended_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the server from now on: its own handlers come only when it runs, and an interrupt
    between the two would end the process in the middle of something."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
