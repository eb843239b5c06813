"""Notes of a stage: what was done otherwise than asked, told as it happens and kept among the stage's facts."""

from __future__ import annotations

from threading import Lock

from tasks.events import Listener, StageNoted


class Notes:
    """Called with a sentence; tells each once, though several devices may say the same at the same time."""

    def __init__(self, stage: str, on_event: Listener) -> None:
        self.stage, self.on_event = stage, on_event
        self.texts: list[str] = []
        self._lock = Lock()

    def __call__(self, text: str) -> None:
        """Tell and keep a sentence."""
        with self._lock:
            if text in self.texts:
                return
            self.texts.append(text)
        self.on_event(StageNoted(self.stage, text))

    def facts(self) -> dict[str, list[str]]:
        """The entry `notes` of a stage's facts, where there is something to note."""
        return {"notes": self.texts} if self.texts else {}
