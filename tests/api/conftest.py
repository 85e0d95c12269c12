"""A folder to work in, with a user's own design in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

MY_DESIGN = '''
from math import ceil
import archsim


class BankMac(archsim.Component, kind="bank_mac"):
    """One MAC lane per DRAM bank; a row must be open before its columns stream out."""
    banks: int = 16
    row_bytes: int = 1024
    t_rcd: int = 14
    pj_per_byte: float = 1.1

    def cost(self, op: archsim.OpCall) -> archsim.Cost | None:
        rows = ceil(op.bytes_in / (self.row_bytes * self.banks))
        return archsim.Cost(rows * (self.t_rcd + self.row_bytes // 32), energy_pj=op.bytes_in * self.pj_per_byte)


class MyDesign(archsim.Design, kind="my_npu_pim"):
    npu: archsim.Systolic = archsim.Systolic(rows=64)
    pim: BankMac = BankMac()

    def place(self, kind: str, options: dict[str, int]) -> str:
        return "npu" if kind == "matmul" and options["npu"] < 10 * options["pim"] else "pim"
'''


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder with my_design.py in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARCHSIM_RUNS", raising=False)
    (tmp_path / "my_design.py").write_text(MY_DESIGN)
    return tmp_path
