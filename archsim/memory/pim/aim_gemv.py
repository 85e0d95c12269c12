"""A matrix times a vector on GDDR6-AiM, from its instructions.

Every bank holds one output in its register. Inputs come in chunks that fill the global buffer; for every 16 outputs of
a channel the sums so far are written to the registers (WR_BIAS), a row of each bank is multiplied (MAC_ABK) and the
sums are read (RD_MAC). Each tile of 16 outputs begins a row, since MAC_ABK always begins with the first column.
"""

from __future__ import annotations

from archsim.core.errors import BadInput
from archsim.ir.affine import Affine
from archsim.memory.device import Dram
from archsim.memory.pim.aim import ANSWER, BARRIER_ANSWER, columns, do
from archsim.memory.pim.aim_trace import Isr
from archsim.memory.pim.program import Fence, Loop, Node, Program


def gemv(outputs: int, inputs: int, device: Dram) -> Program:
    """The work of one channel; all channels of the device do the same.

    Parameters
    ----------
    outputs, inputs
        Rows and columns of the matrix, of 16-bit numbers. Outputs are spread evenly over channels and banks.
    device
        The memory.

    Raises
    ------
    BadInput
        No such shape, more rows than the banks have, or a device without these commands.
    """
    groups, chunks = tiles(outputs, inputs, device)
    per_chunk = columns(device) * _lanes(device)
    last = _ceil(inputs - (chunks - 1) * per_chunk, _lanes(device))
    body: list[Node] = []
    if chunks > 1:
        row = Affine.var("chunk", groups) + Affine.var("group")
        body.append(Loop("chunk", chunks - 1, _chunk(groups, columns(device), row, device)))
    body += _chunk(groups, last, Affine.var("group", base=(chunks - 1) * groups), device)
    return Program((Fence(extra=1), *body))  # the host first says that operands come from the global buffer (CFR 0)


def _chunk(groups: int, size: int, row: Affine, device: Dram) -> tuple[Node, ...]:
    tile = (
        do(Isr("WR_BIAS"), device),
        do(Isr("MAC_ABK", size=size), device, 1, row),
        do(Isr("RD_MAC"), device, 2),
        Fence(extra=ANSWER),
    )
    return do(Isr("WR_GB", size=size), device), Loop("group", groups, tile)


def tiles(outputs: int, inputs: int, device: Dram) -> tuple[int, int]:
    """How often a channel fills its registers for a vector of inputs, and its global buffer for the whole product.

    Raises
    ------
    BadInput
        No such shape, or more rows than the banks have.
    """
    if outputs < 1 or inputs < 1:
        raise BadInput(f"a matrix of {outputs} x {inputs}", right="at least one output and one input")
    groups = _ceil(outputs, device.channels * device.shape.total)
    chunks = _ceil(inputs, columns(device) * _lanes(device))
    if groups * chunks > device.rows:
        what = f"{outputs} x {inputs} needs {groups * chunks} rows of every bank, there are {device.rows}"
        raise BadInput(what, right="groups of 16 outputs x chunks of inputs <= rows", try_="more channels")
    return groups, chunks


def gemv_counts(outputs: int, inputs: int, device: Dram) -> dict[str, int]:
    """How many of each command one channel issues for `gemv`, rows and modes included, without refresh."""
    groups, chunks = tiles(outputs, inputs, device)
    fills, rows = _ceil(inputs, _lanes(device)), groups * chunks
    counts = {"WRGB": fills, "WRMAC16": rows, "MAC16": groups * fills, "RDMAC16": rows}
    return {**counts, "ACT16": rows, "PREA": rows - 1, "TMOD": 1 + 2 * rows}


def rows_cycles(rows: int, size: int, device: Dram) -> int:
    """Cycles of `rows` MAC_ABK, each of `size` columns of another row, up to the answer to EOC; without refresh."""
    t = device.cycles
    work = t["nRCDRDMAC"] + (size - 1) * max(t["tCCD_S"], t["tCCD_L"])
    return work + 1 + BARRIER_ANSWER + (rows - 1) * (max(work + t["tRTP"], t["tRAS"]) + t["tRP"])


def _lanes(device: Dram) -> int:
    """16-bit numbers of one column."""
    return device.request_bytes // 2


def _ceil(amount: int, unit: int) -> int:
    return -(-amount // unit)
