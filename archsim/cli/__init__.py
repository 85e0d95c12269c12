"""The command line: parse, call `archsim.api`, print. No logic of its own."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the `archsim` command."""
    try:
        from archsim.cli.app import app

        app(prog_name="archsim")
    except KeyboardInterrupt:  # before a command has begun, which has its own answer
        sys.exit(130)
    except SystemExit:
        if type(sys.stdout).__name__ == "PacifyFlushWrapper":  # click's answer to a reader of the help that has left
            sys.exit(0)
        raise
