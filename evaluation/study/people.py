"""The participants of a study: unguessable ids, handed out once, that tell nothing of the person.

An id is the participant's number and a keyed digest of it, so that no list of ids needs to be kept and none can be
forged. Answers are filed under the number alone: whoever reads them cannot answer in somebody's place.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from evaluation.study.design import Trial, trials
from evaluation.study.plan import Study
from zoomlib.errors import InvalidInputError

SECRET, FOLDER = "secret", "people"
FORM = re.compile(r"([0-9]{1,6})-([a-z2-7]{24})")
MOST = 100_000
INVITED, CAME = "invited", "came"
"""How a participant got a number: by a link that was made beforehand, or by coming to the open link."""


class People:
    """The participants of the study in `folder`. Several processes may hand out ids at once; none is given twice."""

    def __init__(self, study: Study, folder: Path) -> None:
        self.study, self.folder = study, folder / FOLDER
        self.folder.mkdir(parents=True, exist_ok=True)
        self._secret = _secret(folder / SECRET)

    def sign(self, text: str) -> str:
        """24 letters that only this study's secret makes of `text`: the same every time, and no guess finds them."""
        digest = hmac.new(self._secret, text.encode(), hashlib.sha256).digest()
        return base64.b32encode(digest[:15]).decode("ascii").lower()

    def id_of(self, slot: int) -> str:
        """The id of participant number `slot`."""
        return f"{slot}-{self.sign(f'person {slot}')}"

    def slot_of(self, person: str) -> int | None:
        """The number of the participant with this id; None for an id that was never handed out."""
        found = FORM.fullmatch(person)
        if found is None or not hmac.compare_digest(self.id_of(int(found[1])), person):
            return None
        return int(found[1]) if self._file(int(found[1])).is_file() else None

    def admit(self, how: str = CAME) -> str:
        """The id of a new participant. Raises InvalidInputError when there are too many."""
        for slot in range(len(list(self.folder.glob("p*.json"))), MOST):
            if self._take(slot, how):
                return self.id_of(slot)
        raise InvalidInputError(f"A study has at most {MOST:,} participants. Make another one with another --name.")

    def invite(self, count: int) -> list[str]:
        """The ids of `count` participants by invitation: those that were made before, then new ones."""
        known = [slot for slot, how in self._known() if how == INVITED][:count]
        return [*map(self.id_of, known), *(self.admit(INVITED) for _ in range(count - len(known)))]

    def trials(self, slot: int) -> tuple[Trial, ...]:
        """What the participant is asked, as it was fixed when the number was given."""
        facts = json.loads(self._file(slot).read_text(encoding="utf-8"))
        return tuple(Trial(**trial) for trial in facts["trials"])

    def _known(self) -> Iterator[tuple[int, str]]:
        for path in sorted(self.folder.glob("p*.json")):
            yield int(path.stem[1:]), json.loads(path.read_text(encoding="utf-8"))["how"]

    def _file(self, slot: int) -> Path:
        return self.folder / f"{label(slot)}.json"

    def _take(self, slot: int, how: str) -> bool:
        """Whether the number was still free, and is now given."""
        if self._file(slot).exists():
            return False
        asked = [asdict(trial) for trial in trials(self.study, slot)]
        return _create(self._file(slot), json.dumps({"how": how, "trials": asked}) + "\n")


def label(slot: int) -> str:
    """What a participant is called in answers and reports."""
    return f"p{slot:05d}"


def _secret(path: Path) -> bytes:
    """The study's secret, made at first."""
    if not path.is_file():
        _create(path, secrets.token_hex(32), mode=0o600)
    return bytes.fromhex(path.read_text(encoding="ascii"))


def _create(path: Path, text: str, mode: int = 0o644) -> bool:
    """Write a file that is there whole or not at all; False where another process was first."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        return False
    else:
        return True
    finally:
        temporary.unlink(missing_ok=True)
