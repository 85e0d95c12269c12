"""The commands and how they look in ``--help``."""

from __future__ import annotations

from collections.abc import Callable
from inspect import getdoc
from typing import Annotated, Any

import typer

from archsim.cli import (
    allocate,
    dram,
    explore,
    fuse,
    look,
    make,
    mapping,
    place,
    precision,
    reproduce,
    residency,
    rtl,
    simulate,
    tile,
)
from archsim.cli.guard import guard

ABOUT = """\b
  archsim run pim-gpt gpt2-xl --phase generate --generate 1024

How many cycles, joules and bytes a transformer takes on an accelerator, what limits it, and which machine would be
better."""

EXITS = "Exit codes: 0 done, 1 the model says no (does not fit, infeasible), 2 bad input, 3 a bug of archsim."

app = typer.Typer(
    help=ABOUT,
    epilog=EXITS,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Command = tuple[str, Callable[..., Any], str, str]

COMMANDS: tuple[Command, ...] = (
    ("run", simulate.run, "archsim run pim-gpt gpt2-xl --phase generate", "Simulate a workload on a design."),
    ("map", mapping.map_, "archsim map pim-gpt gpt2-xl --explain", "Show what runs where, and why."),
    ("compare", simulate.compare, "archsim compare pim-gpt systolic --workload gpt2-xl", "Set results side by side."),
    ("sweep", explore.sweep, "archsim sweep pim-gpt-scaling -j 2", "Run a study; the same command resumes it."),
    ("pareto", explore.pareto, "archsim pareto pim-gpt-scaling", "Print the best points of a study."),
    ("dram", dram.dram, "archsim dram hbm2-8gb-x128 --pattern random", "Simulate a DRAM on its own."),
    (
        "allocate",
        allocate.allocate,
        "archsim allocate buffers.csv --capacity '1 MiB'",
        "Place buffers in one memory.",
    ),
    ("place", place.place, "archsim place cache.yaml", "Spread caches, experts, tensors or ops over units."),
    ("tile", tile.tile, "archsim tile gemm:128,12288,4096", "Cut a matrix product into tiles for a hierarchy."),
    ("fuse", fuse.fuse, "archsim fuse llama-2-7b --prompt 2048 --capacity '16 MiB'", "Group ops that stay on chip."),
    (
        "precision",
        precision.precision,
        "archsim precision systolic gpt2-small --errors errors.csv --budget 0.5",
        "Choose bits of weights under an error budget.",
    ),
    ("plan", residency.plan, "archsim plan decoder:G2F2L1 --compare", "Plan what is on chip when, and where."),
    ("reproduce", reproduce.reproduce, "archsim reproduce fusemax", "Reported and simulated side by side."),
    ("report", explore.report, "archsim report runs/latest --open", "Write the page of a run or study again."),
    ("list", look.list_, "archsim list designs", "Everything that has a name."),
    (
        "show",
        look.show_,
        "archsim show pim-gpt > mine.yaml",
        "Print a design, model, memory or study as YAML with its docs.",
    ),
    (
        "explain",
        look.explain,
        "archsim explain pim-gpt",
        "Every constant with its source; assumptions; what is left out.",
    ),
    ("schema", look.schema, "archsim schema --out archsim.schema.json", "JSON Schema of all YAML, for editors."),
    ("check", look.check, "archsim check my_design.yaml", "Check files without running them."),
    ("doctor", look.doctor, "archsim doctor", "Check the installation."),
)


def show_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        import archsim

        typer.echo(f"archsim {archsim.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=show_version, is_eager=True)
    ] = False,
) -> None:
    """Options of `archsim` itself."""


def register(target: typer.Typer, commands: tuple[Command, ...]) -> None:
    """Add commands whose help opens with an example."""
    for name, function, example, brief in commands:
        text = f"\b\n  {example}\n\n{getdoc(function)}"
        target.command(name, help=text, short_help=brief)(guard(function))


register(app, COMMANDS)

new = typer.Typer(
    help="\b\n  archsim new design my_npu\n\nWrite a working start of something of your own.", no_args_is_help=True
)
register(new, (("design", make.design, "archsim new design my_npu", "A design in one file, and its test."),))
app.add_typer(new, name="new", short_help="Write a design of your own to start from.")

units = typer.Typer(
    help="\b\n  archsim rtl list\n\nHardware units in RTL: what they cost, their Verilog, and proof that it is right.",
    no_args_is_help=True,
)
register(
    units,
    (
        ("list", rtl.list_, "archsim rtl list", "Every unit: latency, area, LUTs, accuracy."),
        ("emit", rtl.emit, "archsim rtl emit dot_tree --set lanes=8 --out rtl", "Write a unit as Verilog."),
        ("verify", rtl.verify, "archsim rtl verify dot_tree --backend verilator", "Hold RTL to its specification."),
        ("synth", rtl.synth, "archsim rtl synth dot_tree --target xilinx", "Area, or LUTs, DSPs and flip-flops."),
    ),
)
app.add_typer(units, name="rtl", short_help="Hardware units in RTL: Verilog, verification, synthesis.")
