"""The command line: parse, call `archsim.api`, print. No logic of its own."""

from __future__ import annotations


def main() -> None:
    """Entry point of the `archsim` command."""
    from archsim.cli.app import app

    app(prog_name="archsim")
