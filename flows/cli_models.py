"""The commands about models and the machine: their options and help."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from flows.app import app
from flows.options import Runs

AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
models = typer.Typer(invoke_without_command=True, help="Models: which are here, and getting others.")
app.add_typer(models, name="models")


class Kind(StrEnum):
    """Types of numbers that weights are stored in."""

    auto = "auto"
    float32 = "float32"
    float16 = "float16"
    bfloat16 = "bfloat16"


@models.callback()
def listed(context: typer.Context, as_json: AsJson = False) -> None:
    """List the models that are here: the shipped one, those in the models folder and in the hub's cache."""
    if context.invoked_subcommand is None:
        from flows import information

        information.models(as_json=as_json)


@models.command()
def get(
    names: Annotated[list[str], typer.Argument(metavar="ORG/NAME[@REVISION]...", help="Models of the hub.")],
    dtype: Annotated[Kind, typer.Option(help="Which variant of the weights. [default: as suits this machine]")] = (
        Kind.auto
    ),
) -> None:
    """Get models from the hub, or newer versions of those that are here: safetensors, configurations, no code."""
    from flows import information

    information.get_models(names, dtype.value)


@models.command()
def presets(as_json: AsJson = False) -> None:
    """List the presets for kinds of machines, and which of their models are here."""
    from flows import information

    information.presets(as_json=as_json)


@models.command()
def styles() -> None:
    """List the styles that a run may name."""
    from flows import information

    information.styles()


@app.command()
def doctor(out: Runs = None, as_json: AsJson = False) -> None:
    """Check this installation, and say what this machine can run: devices, memory, models, the preset that suits."""
    from flows.examination import examine

    raise typer.Exit(examine(out, as_json=as_json))
