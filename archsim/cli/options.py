"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from archsim.cli import complete
from archsim.core.errors import BadInput


def design() -> Any:
    """The argument that names a design."""
    return typer.Argument(
        metavar="DESIGN",
        help="A bundled name, a YAML file, or file.py:Class.",
        autocompletion=complete.designs,
        show_default=False,
    )


def workload() -> Any:
    """The argument that names a workload."""
    return typer.Argument(
        metavar="WORKLOAD",
        help="A model, a YAML file, file.py:Class, or an operator such as gemm:128,768,768.",
        autocompletion=complete.workloads,
        show_default=False,
    )


def require(value: str | None, name: str) -> str:
    """The value of an argument that is only needed in some cases."""
    if value is None:
        raise BadInput(f"{name} is missing", right="archsim run DESIGN WORKLOAD", try_="archsim list designs")
    return value


Phase = Annotated[
    str | None, typer.Option(metavar="PHASE", help="prefill, decode or generate.", autocompletion=complete.phases)
]
Batch = Annotated[int | None, typer.Option(metavar="N", help="Sequences side by side.")]
Prompt = Annotated[int | None, typer.Option(metavar="N", help="Prompt length in tokens.")]
Context = Annotated[int | None, typer.Option(metavar="N", help="Tokens already in the KV cache (decode).")]
Generate = Annotated[int | None, typer.Option(metavar="N", help="Tokens to generate.")]
Fidelity = Annotated[
    str,
    typer.Option(
        metavar="cycle|roofline",
        help="Exact simulation, or a closed form that nothing can beat.",
        autocompletion=complete.fidelities,
    ),
]
MapperName = Annotated[
    str | None,
    typer.Option(
        "--mapper", metavar="NAME", help="How to map; by default the design's best.", autocompletion=complete.mappers
    ),
]
Set = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a field: array.rows=32, workload.dtype=int8, mapper.x=1. Repeatable.",
        show_default=False,
    ),
]
NoFastForward = Annotated[
    bool, typer.Option("--no-fast-forward", help="Step through everything; the result is the same, later.")
]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for the results.", show_default=False)]
Picture = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A picture: .png, .pdf or .svg.", show_default=False)
]
TimeLimit = Annotated[float | None, typer.Option(metavar="SECONDS", help="Then the best so far.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the result and nothing else.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more on stderr.")]
