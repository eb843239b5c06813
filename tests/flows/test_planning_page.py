"""The examples of docs/planning.md are what the commands print."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app

PAGE = Path(__file__).parents[2] / "docs" / "planning.md"
WIDE = "113"  # columns of the page's examples


def shown(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def examples() -> list[list[str]]:
    """The blocks of the page that begin with a prompt."""
    return [shown(block) for block in re.findall(r"^```\n(\$ .*?)^```", PAGE.read_text(), re.M | re.S)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "TENFOLD_PLAN_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", WIDE)
    monkeypatch.chdir(tmp_path)


def test_the_examples_are_what_is_printed(here):
    planned, checked = examples()
    first = shlex.split(planned[0].removeprefix("$ tenfold ").partition(" >")[0])
    assert shown(CliRunner().invoke(app, first).stderr) == planned[1:]
    command = next(n for n, line in enumerate(checked) if line.startswith("$ tenfold "))
    name = checked[0].removeprefix("$ cat ")
    Path(name).write_text("\n".join(checked[1:command]))
    result = CliRunner().invoke(app, shlex.split(checked[command].removeprefix("$ tenfold ")))
    assert result.exit_code == 2
    assert shown(result.stdout) == checked[command + 1 :]
