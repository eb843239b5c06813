"""The `tenfold` command itself: what all its commands share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from flows.downloads import Downloads
from tasks import environment
from tasks.events import listening


class Commands(TyperGroup):
    """The group whose commands end in an exit code and a paragraph, never in a traceback (unless TENFOLD_DEBUG=1)."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command and turn what it raises into its exit code."""
        environment.yield_idle_threads()
        try:
            with closing(Downloads(sys.stderr)) as downloads, listening(downloads), sending():
                return super().invoke(ctx)
        except (Exception, KeyboardInterrupt) as error:
            if hasattr(error, "exit_code") or isinstance(error, typer.Abort):  # Typer's own, wrong usage among them
                raise
            from flows import failures

            raise typer.Exit(failures.report(error)) from error


@contextmanager
def sending() -> Iterator[None]:
    """Send to their depots what the body, well ended or not, has written into folders of runs."""
    try:
        yield
    finally:
        opening = sys.modules.get("flows.opening")  # what no command has needed is not loaded for this
        if opening is not None:
            opening.send()


app = typer.Typer(
    cls=Commands,
    name="tenfold",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="From a story to a seamless powers-of-ten zoom video.",
)


def given(**values: Any) -> dict[str, Any]:
    """Settings by dotted path, of the options that were given."""
    return {path: value for path, value in values.items() if value is not None}
