"""One handler for everything that goes wrong: the message on stderr, the exit code, never a traceback for the user."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

import typer

from archsim.cli.talk import say
from archsim.core.errors import ArchsimError

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 + SIGINT."""


def guard(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with every outcome turned into an exit code."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        """Run the command; whatever it raises ends as a message and a code, and its output is written before exit."""
        warnings.showwarning = _show_warning
        try:
            command(*args, **kwargs)
        except BrokenPipeError:  # whoever read the output has seen enough
            _stop_writing()
        except KeyboardInterrupt:
            say("interrupted", style="bold")
            raise typer.Exit(INTERRUPTED) from None
        except (typer.Exit, typer.Abort):
            _flush()
            raise
        except Exception as error:
            fail(error)
        _flush()

    return guarded


def _flush() -> None:
    """Write what is left now: at exit, where nobody catches it, a closed pipe would be an error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _stop_writing()


def _stop_writing() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fail(error: Exception) -> NoReturn:
    """Print what is wrong and exit with the code that fits."""
    from archsim.core.userfile import blamed

    known = error if isinstance(error, ArchsimError) else blamed(error)
    if known is None or known.exit_code > 2:
        _confess(error)
    for problem in known.problems or (known,):
        text = str(problem)
        say(text if problem.where else f"error: {text}")
    raise typer.Exit(known.exit_code)


def _confess(error: Exception) -> NoReturn:
    place = traceback.extract_tb(error.__traceback__)[-1]
    handle, path = tempfile.mkstemp(prefix="archsim-bug-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(f"{' '.join(sys.argv)}\n\n")
        traceback.print_exception(error, file=out)
    what = str(error).splitlines()[0] if str(error) else ""
    say(f"error: a bug in archsim: {type(error).__name__}: {what} ({Path(place.filename).name}:{place.lineno})")
    say(f"   the traceback is in {path}")
    say("   please report it with that file and, where there is a run folder, its manifest.json")
    raise typer.Exit(3)


def _show_warning(message: Warning | str, category: type[Warning], *place: object, **more: object) -> None:
    say(f"warning: {message}")
