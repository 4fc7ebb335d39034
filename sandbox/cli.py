"""The command line: python -m sandbox <verb>."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from sandbox import doctor as checks
from sandbox import journal, lock
from sandbox import status as state
from sandbox.down import down as take_down
from sandbox.errors import SandboxError
from sandbox.settings import Paths
from sandbox.up import up as bring_up

app = typer.Typer(help="A local AWS with real containers behind it.", no_args_is_help=True, add_completion=False)
console = Console(stderr=False)
paths = Paths()


@contextmanager
def explained() -> Iterator[None]:
    """Say what is wrong and how to mend it, instead of a traceback."""
    try:
        yield
    except SandboxError as error:
        console.print(f"[red]✗[/] {escape(str(error))}", highlight=False)
        if error.mend:
            console.print(f"  mend: {escape(error.mend)}", highlight=False)
        sys.exit(1)


@app.command()
def up() -> None:
    """Start the sandbox, or mend one that is half-made or broken."""
    with explained(), lock.held(paths, console.print):
        bring_up(console, paths)


@app.command()
def down(images: Annotated[bool, typer.Option(help="Remove the cached images and builds, too.")] = False) -> None:
    """Remove every container, network, volume, process and file of the sandbox."""
    with explained(), lock.held(paths, console.print), console.status("taking the sandbox down") as status:
        take_down(paths, status.update, with_images=images)
    console.print("[green]✓[/] the sandbox is gone")


@app.command()
def status() -> None:
    """Show what is there. Ends with 3 when a part is missing."""
    with explained():
        lines = state.look(paths)
    for line in lines:
        console.print(f"{_mark(line.good)} {line.what:<28} {line.text}", highlight=False, soft_wrap=True)
    sys.exit(0 if all(line.good for line in lines) else 3)


@app.command()
def env() -> None:
    """Print the lines to source before a playbook is run."""
    if not paths.env.exists():
        sys.exit("the sandbox is not up: python -m sandbox up")
    sys.stdout.write(paths.env.read_text())


@app.command()
def logs(
    what: Annotated[str, typer.Argument(help=journal.KNOWN)] = "aws",
    lines: Annotated[int, typer.Option(help="How many of the last lines.")] = 100,
) -> None:
    """Show the log of one part; of a host it is what it wrote to its console."""
    with explained():
        sys.stdout.write(journal.show(paths, what, lines))


@app.command()
def doctor() -> None:
    """Say what this machine lacks, and how to get it. Ends with 1 when something needed is missing."""
    with explained(), console.status("looking"):
        found = checks.examine(paths)
    for check in found:
        console.print(f"{_mark(check.good, check.needed)} {check.name:<18} {check.found}", highlight=False)
        if not check.good:
            console.print(f"    {escape(check.mend)}", highlight=False, soft_wrap=True)
    sys.exit(0 if all(check.good or not check.needed for check in found) else 1)


def _mark(good: bool, needed: bool = True) -> str:
    if good:
        return "[green]✓[/]"
    return "[red]✗[/]" if needed else "[yellow]-[/]"
