"""`archsim new design NAME`: a design of one's own that runs as it is, and its test."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from archsim.core.errors import BadInput
from archsim.core.files import write_atomic

DESIGN = '''\
"""{title}: an NPU with multipliers in its memory banks.

    archsim run {file}.py:{name} gemm:128,768,768
    archsim run {file}.py:{name} gpt2-small --set pim.banks=64
"""

import archsim


class {name}Pim(archsim.Component, kind="{file}_pim"):
    """Multipliers in every bank; a row must be open before its columns stream out."""

    banks: int = 16
    """Banks that compute in step."""
    lanes: int = 16
    """Multipliers per bank."""
    row_bytes: int = 1024
    """Bytes of an open row."""
    t_rcd: int = 14
    """Cycles to open a row."""

    def cost(self, op: archsim.OpCall) -> archsim.Cost | None:
        """Matrix products only: None sends everything else to another unit."""
        if not op.macs:
            return None
        rows = -(-op.bytes_in // (self.row_bytes * self.banks))
        streaming = rows * (self.t_rcd + self.row_bytes // 32)
        computing = -(-op.macs // (self.banks * self.lanes))
        return archsim.Cost(cycles=max(streaming, computing), energy_pj=1.1 * op.bytes_in + 0.5 * op.macs)

    def floor(self, op: archsim.OpCall) -> int:
        """Cycles that nothing could beat, for the lower bound in reports; 0, the default, means none is known."""
        return -(-op.macs // (self.banks * self.lanes))


class {name}(archsim.Design, kind="{file}"):
    """Ops go to the unit that finishes them first; override place() for a rule of your own."""

    npu: archsim.Systolic = archsim.Systolic(rows=64, cols=64)
    """The array, which also does softmax, norms and sums."""
    pim: {name}Pim = {name}Pim()
    """The banks."""
'''

TEST = '''\
"""What must stay true of {file}.py whatever its numbers become. Run with pytest (pip install pytest)."""

from pathlib import Path

import archsim

DESIGN = f"{{Path(__file__).with_name('{file}.py')}}:{name}"


def test_a_memory_bound_product_runs_in_the_banks() -> None:
    report = archsim.run(DESIGN, "gemm:1,4096,4096")
    assert report.units["pim"].busy_ps == report.total_ps


def test_a_compute_bound_product_runs_on_the_array() -> None:
    report = archsim.run(DESIGN, "gemm:1024,1024,1024")
    assert report.units["npu"].busy_ps == report.total_ps


def test_more_banks_are_faster() -> None:
    few, many = (archsim.run(DESIGN, "gemm:1,4096,4096", set={{"pim.banks": n}}) for n in (16, 64))
    assert many.seconds < few.seconds


def test_nothing_beats_its_bound() -> None:
    report = archsim.run(DESIGN, "gpt2-small", phase="decode", generate=2)
    assert report.seconds >= report.lower_bound_seconds > 0
    assert report.energy.total > 0
'''


def new_design(name: str, folder: Path) -> tuple[Path, Path]:
    """Write NAME.py and test_NAME.py into a folder; returns their paths.

    Raises
    ------
    BadInput
        The name cannot be a Python name, is taken by a design kind, or one of the files is there already.
    """
    file = name.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", file) or keyword.iskeyword(file):
        right = "lower-case letters, digits and underscores, beginning with a letter"
        raise BadInput(f"{name!r} cannot name a design", right=right, try_="archsim new design my_npu")
    _refuse_taken(file)
    paths = (folder / f"{file}.py", folder / f"test_{file}.py")
    for path in paths:
        if path.exists():
            raise BadInput("is there already", where=str(path), right="nothing was written", try_="another name")
    words = file.split("_")
    fields = {"file": file, "name": "".join(word.capitalize() for word in words), "title": " ".join(words)}
    for path, text in zip(paths, (DESIGN, TEST), strict=True):
        write_atomic(path, text.format(**fields))
    return paths


def _refuse_taken(kind: str) -> None:
    from archsim.api.plugins import register
    from archsim.core.userfile import source_of
    from archsim.ir.component import Component, Design

    register()
    for registry, name in ((Design.registry, kind), (Component.registry, f"{kind}_pim")):
        if name in registry and source_of(registry.get(name)) is None:
            raise BadInput(
                f"{registry.label} {name!r} is taken", right="each kind needs a name of its own", try_=f"my_{kind}"
            )
