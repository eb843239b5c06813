"""A program at a pseudo terminal, as a person sees it: what is drawn, and the keys that are pressed."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

CTRL_C = b"\x03"
PATIENCE_S = 120.0


class Terminal:
    """A process whose standard input, output and error are a terminal of 100 columns and 30 lines.

    What is drawn is read by a thread of its own, so that the process never waits for its reader.
    """

    def __init__(self, command: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *command],  # its controlling terminal: keys become signals
            cwd=cwd,
            env={"TERM": "xterm", **environment},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        self._bytes = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def shown(self) -> str:
        """Everything that was drawn until now, escape sequences included."""
        return bytes(self._bytes).decode(errors="replace")

    def press(self, keys: bytes) -> None:
        """Press keys; CTRL_C reaches the whole foreground process group, as at a desk."""
        os.write(self.master, keys)

    def wait_for(self, text: str | Callable[[str], bool]) -> None:
        """Wait until a text is drawn, or until what is drawn satisfies a condition."""
        seen = text if callable(text) else lambda shown: text in shown
        deadline = time.monotonic() + PATIENCE_S
        while not seen(self.shown):
            assert time.monotonic() < deadline, f"{text!r} was not shown: {self.shown[-2000:]!r}"
            assert self.process.poll() is None or seen(self.shown), f"ended without {text!r}: {self.shown[-2000:]!r}"
            time.sleep(0.02)

    def end(self) -> int:
        """Wait for the end of the process; returns its exit status."""
        status = self.process.wait(timeout=PATIENCE_S)
        self._reader.join(timeout=10)
        os.close(self.master)
        return status

    def _read(self) -> None:
        while True:
            try:
                chunk = os.read(self.master, 65536)
            except OSError as error:
                if error.errno in (errno.EIO, errno.EBADF):  # the last process has closed the terminal
                    return
                raise
            if not chunk:
                return
            self._bytes += chunk
