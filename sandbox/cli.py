"""The command line: python -m sandbox <verb>."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console

from sandbox import lock
from sandbox.down import down as take_down
from sandbox.errors import SandboxError
from sandbox.settings import Paths
from sandbox.up import up as bring_up

app = typer.Typer(help="A local AWS with real containers behind it.", no_args_is_help=True, add_completion=False)
console = Console(stderr=False)
paths = Paths()


@contextmanager
def guarded() -> Iterator[None]:
    try:
        with lock.held(paths, console.print):
            yield
    except SandboxError as error:
        console.print(f"[red]✗[/] {error}", highlight=False)
        if error.mend:
            console.print(f"  mend: {error.mend}", highlight=False)
        sys.exit(1)


@app.command()
def up() -> None:
    """Start the sandbox, or mend one that is half-made or broken."""
    with guarded():
        bring_up(console, paths)


@app.command()
def down(images: Annotated[bool, typer.Option(help="Remove the cached images and builds, too.")] = False) -> None:
    """Remove every container, network, volume, process and file of the sandbox."""
    with guarded(), console.status("taking the sandbox down") as status:
        take_down(paths, status.update, with_images=images)
    console.print("[green]✓[/] the sandbox is gone")
