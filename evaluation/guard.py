"""Who may talk to a page that is served here: a layer around any ASGI application.

A page on one's own machine can be reached by every page that one's browser has open. So the name by which it is asked
for must be this machine's (a stranger's name that suddenly points here, DNS rebinding, is refused), changes are taken
from its own pages only, and whoever comes from the network shows a token: once in the link, then as a cookie.
"""

import hmac
import html
import re
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
TOKEN = "t"  # noqa: S105  the parameter's name
BODY_LIMIT = 2**20
LENGTH = re.compile("[0-9]{1,15}")
SAFE = frozenset({"GET", "HEAD"})
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""What every answer carries, unless the application has said otherwise."""


class Guard:
    """An application behind its guard.

    names: the host names by which it may be asked for, None where any will do (then give a token). token: what whoever
    asks must show, None where nobody needs one. cookie: the name of the cookie that keeps it. on_error: is told of
    every error that the application did not catch, in one line; the asker gets a page that says so.
    """

    def __init__(
        self,
        app: Application,
        *,
        names: frozenset[str] | None = LOOPBACK_NAMES,
        token: str | None = None,
        cookie: str = "tenfold",
        on_error: Callable[[str], None] | None = None,
    ) -> None:
        self.app, self.names, self.token, self.cookie = app, names, token, cookie
        self.on_error = on_error or _print

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":  # nothing here speaks anything else
            return
        answered = False

        async def sealed(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                message = {**message, "headers": _with_defaults(message.get("headers", ()))}
            await send(message)

        try:
            await self._answer(scope, receive, sealed)
        except Exception as error:
            self.on_error(f"{scope['method']} {scope['path']} failed: {traceback.format_exception_only(error)[-1]}")
            if not answered:
                words = "This page could not be made. The terminal in which the server runs tells why."
                await _respond(sealed, 500, "Something went wrong", words)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._strange(scope, headers)
        if refusal is not None:
            await _respond(send, *refusal)
            return
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        shown = next((value for name, value in query if name == TOKEN), None)
        if self.token is None or self._known(_cookie(headers, self.cookie)) or self._known(_bearer(headers)):
            await self.app(scope, receive, send)
        elif not self._known(shown):
            await _respond(send, 403, "A link is needed", ASK)
        elif scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            rest = urlencode([(name, value) for name, value in query if name != TOKEN])
            await _enter(send, _here(scope) + ("?" + rest if rest else ""), f"{self.cookie}={self.token}")
        else:
            await self.app(scope, receive, send)

    def _strange(self, scope: Scope, headers: Mapping[str, str]) -> tuple[int, str, str] | None:
        """Why a request is refused whoever asks: status, title and words; None where it is not."""
        if self.names is not None and _host_name(headers.get("host", "")) not in self.names:
            return 403, "Another name", STRANGE_NAME
        if scope["method"] in SAFE:
            return None
        if not _from_here(headers):
            return 403, "Not from here", "Only the pages of this server may change anything on it."
        # What comes in pieces tells no length, or a false one.
        length = headers.get("content-length", "0") if "transfer-encoding" not in headers else ""
        if not LENGTH.fullmatch(length):
            return 411, "Length needed", "What is sent here must say how long it is."
        return (413, "Too long", "What was sent is too long.") if int(length) > BODY_LIMIT else None

    def _known(self, shown: str | None) -> bool:
        return (
            self.token is not None
            and shown is not None
            and hmac.compare_digest(shown.encode("utf-8", "replace"), self.token.encode())
        )


ASK = (
    "This page is open to those who have its link, with the token at its end. Open the link that the command printed "
    "when it began to serve; if it was begun anew since, the link is another one."
)
STRANGE_NAME = (
    "This server answers only under this machine's own names. Open it as http://127.0.0.1 with the port that the "
    "command printed."
)


def page(title: str, words: str, head: str = "") -> bytes:
    """A plain page that says something; `title` and `words` are shown as they are, `head` is markup of ours."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"{head}<body><h1>{html.escape(title)}</h1><p>{html.escape(words)}</p></body></html>"
    ).encode()


async def _enter(send: Send, target: str, cookie: str) -> None:
    """Keep the token as a cookie and go on without it in the address.

    Not by a redirect: one that began on another site, as in a mail, would not be given a strict cookie.
    """
    head = f'<meta http-equiv="refresh" content="0; url={html.escape(target)}">'
    kept = (b"set-cookie", f"{cookie}; Path=/; HttpOnly; SameSite=Strict".encode())
    await _respond(send, 200, "Opening …", "If nothing happens, reload this page.", head, (kept,))


async def _respond(
    send: Send, status: int, title: str, words: str, head: str = "", more: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    body = page(title, words, head)
    length = (b"content-length", str(len(body)).encode())
    headers = [(b"content-type", b"text/html; charset=utf-8"), length, *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_defaults(headers: Any) -> list[tuple[bytes, bytes]]:
    given = [(bytes(name).lower(), bytes(value)) for name, value in headers]
    names = {name for name, _ in given}
    added = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in names]
    return [*given, *added]


def _here(scope: Scope) -> str:
    """The path of a request as it was written, and a path of this server in any case."""
    path = (scope.get("raw_path") or b"/").decode("latin-1").partition("?")[0]
    return "/" + path.lstrip("/\\")  # "//somewhere" would be another machine


def _host_name(host: str) -> str:
    """The name in a Host header, without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _from_here(headers: Mapping[str, str]) -> bool:
    """Whether a request comes from a page of this server: browsers say so, and no page can lie about it.

    The first of the two is told over https and on loopback only, but holds behind a proxy that asks by another name.
    """
    if "sec-fetch-site" in headers:
        return headers["sec-fetch-site"] == "same-origin"
    scheme, _, place = headers.get("origin", "").partition("://")
    return scheme in {"http", "https"} and place == headers.get("host") != ""


def _cookie(headers: Mapping[str, str], name: str) -> str | None:
    pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
    return next((value for key, _, value in pairs if key == name), None)


def _bearer(headers: Mapping[str, str]) -> str | None:
    kind, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else None


def _print(line: str) -> None:
    print("".join(c if c.isprintable() else " " for c in line), file=sys.stderr)
