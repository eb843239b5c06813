"""A service on this machine that speaks the chat completions protocol, streaming and with pictures: scripted replies,
scripted misbehaviour, all requests kept."""

import base64
import json
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMPLETION = {"id": "1", "object": "chat.completion", "created": 0, "model": "m"}


@dataclass
class Reply:
    """What the service answers: a text as the protocol has it, or any body with any status.

    usage: tokens of question and reply; None counts nothing. stream: False answers in one piece though a stream was
    asked for. pieces: characters in each piece of a stream. cut_at: the connection ends after so many bytes of the
    body. trickle_s: a pause before each piece of a stream, or before each byte of another body. done: whether a stream
    says where it ends.
    """

    text: str | None = None
    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    finish: str | None = "stop"
    refusal: str | None = None
    usage: tuple[int, int] | None = None
    stream: bool = True
    pieces: int = 16
    cut_at: int | None = None
    trickle_s: float = 0.0
    done: bool = True

    def parts(self, streamed: bool) -> list[bytes]:
        """The body, in the pieces in which it is sent."""
        if self.body is not None:
            whole = self.body
        elif self.status != 200:
            whole = json.dumps({"error": {"message": self.text, "type": "error", "code": None}}).encode()
        elif streamed:
            return self.events()
        else:
            message = {"role": "assistant", "content": self.text, "refusal": self.refusal}
            choice = {"index": 0, "finish_reason": self.finish, "message": message}
            whole = json.dumps({**COMPLETION, "choices": [choice], "usage": self.counted()}).encode()
        return [whole[at : at + 1] for at in range(len(whole))] if self.trickle_s else [whole]

    def events(self) -> list[bytes]:
        """The completion as server-sent events."""
        text = self.text or ""
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None if self.text is None else ""}]
        deltas += [{"content": text[at : at + self.pieces]} for at in range(0, len(text), self.pieces)]
        deltas += [{"refusal": self.refusal}] if self.refusal else []
        choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        choices += [{"index": 0, "delta": {}, "finish_reason": self.finish}] if self.finish else []
        chunks: list[dict[str, Any]] = [
            {**COMPLETION, "object": "chat.completion.chunk", "choices": [c]} for c in choices
        ]
        chunks += [{**COMPLETION, "choices": [], "usage": self.counted()}] if self.usage else []
        lines = [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks]
        return [*lines, b"data: [DONE]\n\n"] if self.done else lines

    def counted(self) -> dict[str, int] | None:
        if self.usage is None:
            return None
        question, reply = self.usage
        return {"prompt_tokens": question, "completion_tokens": reply, "total_tokens": question + reply}


@dataclass
class Asked:
    """A request as it came; the names of headers in small letters."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """All words of the conversation."""
        return "\n".join(part["text"] for part in self._parts() if part["type"] == "text")

    @property
    def pictures(self) -> list[bytes]:
        """The files of the pictures that are sent along. Raises ValueError for what is no base64."""
        urls = [part["image_url"]["url"] for part in self._parts() if part["type"] == "image_url"]
        sent = [url.partition(";base64,")[2] for url in urls if url.startswith("data:")]
        return [base64.b64decode(data, validate=True) for data in sent]

    @property
    def structure(self) -> str:
        """What form of reply is asked for: "json_schema", "json_object" or "plain"."""
        return str(self.body.get("response_format", {"type": "plain"})["type"])

    def _parts(self) -> Iterator[dict[str, Any]]:
        for message in self.body["messages"]:
            content = message["content"]
            yield from [{"type": "text", "text": content}] if isinstance(content, str) else content


@dataclass
class Server:
    """The address, and what was asked there."""

    url: str
    asked: list[Asked]


Script = Sequence[Reply] | Callable[[Asked], Reply]


@contextmanager
def serving(script: Script, *, refuses: Collection[str] = (), refusal_status: int = 400) -> Iterator[Server]:
    """Answer requests with the replies in turn, the last one again and again; or with what a function makes of each.

    refuses: keys of a request, or the forms "json_schema" and "json_object", for which it is refused with that status;
    such refusals use up no reply.
    """
    asked: list[Asked] = []
    answered = 0
    lock = threading.Lock()

    def answer(request: Asked) -> Reply:
        nonlocal answered
        with lock:
            asked.append(request)
            unknown = {*request.body, request.structure} & set(refuses)
            if unknown:
                return Reply(f"Unsupported parameter: {sorted(unknown)[0]!r}", status=refusal_status)
            answered += 1
            count = answered
        try:
            assert all(request.pictures) or not request.pictures
        except (ValueError, AssertionError):
            return Reply("Invalid image", status=400)
        return script(request) if callable(script) else script[min(count, len(script)) - 1]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = answer(Asked(self.path, headers, body))
            time.sleep(reply.delay_s)
            with suppress(OSError):  # the client waits no longer
                self.send(reply, streamed=bool(body.get("stream")) and reply.stream)
                return
            self.close_connection = True

        def send(self, reply: Reply, streamed: bool) -> None:
            parts = reply.parts(streamed)
            kind = "text/event-stream" if streamed and reply.body is None else "application/json"
            self.send_response(reply.status)
            for name, value in {"Content-Type": kind, **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(sum(map(len, parts))))
            self.end_headers()
            left = reply.cut_at
            for part in parts:
                time.sleep(reply.trickle_s)
                self.wfile.write(part if left is None else part[:left])
                left = None if left is None else max(0, left - len(part))
                if left == 0:
                    self.close_connection = True
                    return

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False  # closing waits for them: no connection outlives the test
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.server_address[1]}/v1", asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
