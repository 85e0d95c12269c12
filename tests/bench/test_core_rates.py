"""How fast the border is: reading a document and checking it must stay far below one simulation."""

import time
from pathlib import Path

import pytest

from archsim.core.quantities import Bytes, Time
from archsim.core.spec import Spec
from archsim.core.validate import build
from archsim.core.yamlfile import load_document


class Part(Spec):
    banks: int = 16
    row: Bytes = Bytes("1 KiB")
    t_rcd: Time = Time("14 ns")


class Machine(Spec):
    parts: tuple[Part, ...] = ()


@pytest.mark.bench
def test_documents_read_and_checked_per_second(tmp_path: Path) -> None:
    path = tmp_path / "machine.yaml"
    path.write_text("parts:\n" + "- {banks: 8, row: 2 KiB, t_rcd: 12.5 ns}\n" * 20)
    start = time.perf_counter()
    for _ in range(20):
        machine = build(Machine, load_document(path))
    rate = 20 / (time.perf_counter() - start)
    print(f"\ndocuments of 20 parts read and checked: {rate:,.0f}/s")
    assert machine.parts[19] == Part(banks=8, row=Bytes("2 KiB"), t_rcd=Time("12.5 ns"))
