"""stdout is the result, stderr the talk."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

PLAIN_WIDTH = 100
"""Columns of tables that go to a file or a pipe."""
CODES = {"bold": "1", "dim": "2"}


def say(text: str, *, style: str = "") -> None:
    """A line on stderr; styles only on a terminal that wants them."""
    if style and sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        text = f"\x1b[{CODES[style]}m{text}\x1b[0m"
    print(text, file=sys.stderr, flush=True)


def show(text: str) -> None:
    """The result, on stdout."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def show_json(data: Any) -> None:
    """The result as one JSON document."""
    show(json.dumps(data, indent=2, allow_nan=False))


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table whose last column is as long as it likes.

    >>> columns([("a", "bb"), ("ccc", "d")])
    ['a    bb', 'ccc  d']
    """
    count = max((len(row) for row in rows), default=0)
    widths = [max(len(row[index]) for row in rows) for index in range(count - 1)]
    return ["  ".join([*map(str.ljust, row, widths), row[-1]]).rstrip() for row in rows]


def console() -> Console:
    """Where tables are printed: stdout, plain where it is no terminal or NO_COLOR is set, even beside FORCE_COLOR."""
    from rich.console import Console

    class Stdout(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # which the command line answers, instead of ending with 1

    width = None if sys.stdout.isatty() else PLAIN_WIDTH
    return Stdout(highlight=False, width=width, color_system=None if os.environ.get("NO_COLOR") else "auto")


@dataclass(frozen=True)
class Talk:
    """How much to say besides the result."""

    quiet: bool = False
    verbose: bool = False

    def say(self, text: str) -> None:
        """What most people want to know."""
        if not self.quiet:
            say(text)

    def detail(self, text: str) -> None:
        """What someone wants to know who asks for more."""
        if self.verbose and not self.quiet:
            say(text, style="dim")
