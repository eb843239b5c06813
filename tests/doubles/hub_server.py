"""A model hub on this machine that speaks what the real client asks of one: files of commits, branches, licences to be
accepted, and downloads that break off. All requests are kept."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".bin", ".model", ".ckpt")
"""Files that are kept apart from the history, and have the digest of their content as a name."""
FILES = "/{repo_id}/resolve/{revision}/{filename}"


@dataclass
class Repository:
    """A model: its files by commit, and which commit a branch is."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    gated: bool = False

    def add(self, files: dict[str, bytes], branch: str = "main") -> str:
        """A new commit, at the end of a branch."""
        commit = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        self.commits[commit], self.branches[branch] = files, commit
        return commit


@dataclass
class Hub:
    """The repositories, what was asked of them, and how it misbehaves.

    cut: names of files whose downloads break off, each at so many bytes. down: nothing but errors.
    """

    address: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    cut: dict[str, int] = field(default_factory=dict)
    down: bool = False

    def add(self, name: str, folder: Path, more: dict[str, bytes] | None = None, branch: str = "main") -> str:
        """Put a model's folder there; returns the commit."""
        files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
        return self.repositories.setdefault(name, Repository()).add(files | (more or {}), branch)

    def got(self) -> list[str]:
        """The files whose content was asked for."""
        return [line.split("/", 5)[-1] for line in self.asked if line.startswith("GET") and "/resolve/" in line]


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(f"{self.command} {path}")
        words = path.strip("/").split("/")
        if self.hub.down:
            self.fail(503, "", "down")
        elif words[:2] == ["api", "models"]:
            self.tell("/".join(words[2:4]), "/".join(words[5:]) or "main")
        else:
            self.send_file("/".join(words[:2]), words[3], "/".join(words[4:]), body=body)

    def fail(self, status: int, code: str, words: str) -> None:
        content = json.dumps({"error": words}).encode()
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", words)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def found(self, name: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        repository = self.hub.repositories.get(name)
        if repository is None:
            self.fail(401, "RepoNotFound", "Repository not found")
            return None
        commit = repository.branches.get(revision, revision)
        if commit not in repository.commits:
            self.fail(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return None
        return commit, repository.commits[commit]

    def tell(self, name: str, revision: str) -> None:
        found = self.found(name, revision)
        if found is None:
            return
        siblings = [told(file, content) for file, content in found[1].items()]
        content = json.dumps({"_id": "0", "id": name, "modelId": name, "sha": found[0], "siblings": siblings}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def send_file(self, name: str, revision: str, file: str, *, body: bool) -> None:
        found = self.found(name, revision)
        if found is None:
            return
        commit, files = found
        if self.hub.repositories[name].gated:
            self.fail(403, "GatedRepo", "Access to this model is restricted")
        elif file not in files:
            self.fail(404, "EntryNotFound", "Entry not found")
        else:
            self.send_bytes(file, files[file], commit, body=body)

    def send_bytes(self, file: str, content: bytes, commit: str, *, body: bool) -> None:
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("X-Repo-Commit", commit)
        self.send_header("ETag", f'"{etag(file, content)}"')
        self.send_header("X-Linked-Size", str(len(content)))
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if body:
            self.send_content(content[start : self.hub.cut.get(file, len(content))], cut=file in self.hub.cut)

    def send_content(self, content: bytes, *, cut: bool) -> None:
        with suppress(OSError):
            self.wfile.write(content)
            self.wfile.flush()
        if cut:
            self.close_connection = True


def told(file: str, content: bytes) -> dict:
    """What the hub says of a file."""
    large = {"sha256": etag(file, content), "size": len(content), "pointerSize": 130}
    entry = {"rfilename": file, "size": len(content), "blobId": hashlib.sha1(content).hexdigest()}
    return entry | ({"lfs": large} if file.endswith(LARGE) else {})


def etag(file: str, content: bytes) -> str:
    kind = hashlib.sha256 if file.endswith(LARGE) else hashlib.sha1
    return kind(content).hexdigest()


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub at `address`, for as long as the body runs."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send_client_to(hub: Hub, cache: Path, monkeypatch) -> None:
    """Let the real client of this process ask that hub, keep files in `cache`, and not pause between its attempts. A
    process of its own needs HF_ENDPOINT and HF_HUB_CACHE instead, which the client reads once."""
    from huggingface_hub import constants
    from huggingface_hub.utils import _http

    monkeypatch.setattr(_http.time, "sleep", lambda _: None)
    monkeypatch.setattr(constants, "ENDPOINT", hub.address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.address + FILES)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
