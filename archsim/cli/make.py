"""Commands that write something to start from: new design."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archsim.cli.talk import say, show


def design(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case words joined by underscores.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to write.")] = Path(),
) -> None:
    """Write NAME.py, a design with a unit of its own that runs as it is, and test_NAME.py, which passes."""
    from archsim.api.scaffold import new_design

    code, test = new_design(name, out)
    show(f"{code}\n{test}")
    class_name = "".join(word.capitalize() for word in code.stem.split("_"))
    say(f"try: archsim run {code}:{class_name} gemm:128,768,768")
    say(f"     python -m pytest {test}   (needs pytest: pip install pytest)")
