"""stdout is the result, stderr the talk."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import Any

CODES = {"bold": "1", "dim": "2"}


def say(text: str, *, style: str = "") -> None:
    """A line on stderr; styles only on a terminal that wants them."""
    if style and sys.stderr.isatty() and "NO_COLOR" not in os.environ:
        text = f"\x1b[{CODES[style]}m{text}\x1b[0m"
    print(text, file=sys.stderr, flush=True)


def show(text: str) -> None:
    """The result, on stdout."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def show_json(data: Any) -> None:
    """The result as one JSON document."""
    show(json.dumps(data, indent=2, allow_nan=False))


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
