"""The commands about the store of all runs: freeing, verifying, and moving runs from one folder to another."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.app import app
from flows.options import Runs

AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
Dry = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done; write nothing.")]


@app.command()
def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be freed.")] = False,
    stopped: Annotated[
        bool, typer.Option("--stopped", help="Also what runs that were stopped, or have failed, would go on from.")
    ] = False,
    out: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Free the disk: forget what no run folder shows any more, such as runs that you deleted. Runs may go on."""
    from flows import keeping

    keeping.gc_command(out, dry_run=dry_run, stopped=stopped, as_json=as_json)


@app.command()
def verify(
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]...", help="Runs, by id or folder. [default: everything]")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Compare sizes only, and read no contents.")] = False,
    mend: Annotated[
        bool,
        typer.Option(
            "--mend", help="Put right what another copy allows; what is damaged else is taken away and made again."
        ),
    ] = False,
    out: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Read the store and all run folders, and say what is damaged. Exit code 1 where anything is."""
    from flows import keeping

    raise typer.Exit(keeping.verify_command(out, runs or [], quick=quick, mend=mend, as_json=as_json))


@app.command("export")
def export(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN... TO", help="Runs, by id or folder; last a new folder, .zip or URL.")
    ],
    everything: Annotated[bool, typer.Option("--all", help="All finished runs; name only where to.")] = False,
    dry_run: Dry = False,
    out: Runs = None,
) -> None:
    """Copy finished runs, with all that they were made of, to a folder, an archive or a URL that stands alone."""
    from flows import keeping

    keeping.export_command(out, runs, everything=everything, dry_run=dry_run)


@app.command("import")
def import_(
    source: Annotated[str, typer.Argument(metavar="FROM", help="What `tenfold export` has made: a folder, .zip, URL.")],
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]...", help="Of its runs, by id. [default: all]")
    ] = None,
    dry_run: Dry = False,
    out: Runs = None,
) -> None:
    """Take over exported runs; everything is checked first, and nothing that is there and different is replaced."""
    from flows import keeping

    keeping.import_command(out, source, runs or [], dry_run=dry_run)
