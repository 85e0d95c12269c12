"""An SRAM scratchpad: banks behind a crossbar, a word per port and cycle, reads that come after a fixed pipeline.

See SRAM.md for the picture, the assumptions, and where the numbers of the presets are from.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from archsim.core.errors import BadInput
from archsim.core.quantities import Bytes, Energy, Power, Time
from archsim.memory import sram_kernel as z
from archsim.memory.device import Memory
from archsim.memory.fieldmap import FieldMap, bits, split
from archsim.memory.measured import Latencies, Measured
from archsim.memory.offered import chunks
from archsim.memory.requests import Requests

FIELDS: Mapping[str, str] = {"ro": "row: the word within its bank", "ba": "bank"}
"""The fields of an address."""


class Sram(Memory, kind="sram"):
    """Banks of SRAM that requests reach through a crossbar."""

    banks: int = Field(ge=1)
    """Banks, which work side by side."""
    rows: int = Field(ge=1)
    """Words of one bank."""
    word: Bytes
    """Bytes that one access moves."""
    ports: int = Field(1, ge=0)
    """Ports of each bank that read or write, one access a cycle each."""
    read_ports: int = Field(0, ge=0)
    """Ports of each bank that only read."""
    write_ports: int = Field(0, ge=0)
    """Ports of each bank that only write."""
    tck: Time
    """Period of the clock."""
    latency: int = Field(1, ge=1)
    """Cycles from the access to the data of a read; pipelined, so a port takes an access in every cycle."""
    width: int = Field(0, ge=0)
    """Requests that the crossbar takes per cycle; 0 for as many as there are ports."""
    queue: int = Field(4, ge=1, le=1 << 16)
    """Requests that wait for one bank."""
    address_map: str = "roba"
    """Fields of an address, most significant first: ro ba. Bank at the bottom interleaves words, on top it does not."""
    read_energy: Energy = Energy(0)
    """Energy of one read of a word."""
    write_energy: Energy = Energy(0)
    """Energy of one write of a word."""
    leakage: Power = Power(0)
    """Leakage of one bank, whether or not it is used."""
    sources: Mapping[str, str] = {}
    """Where the numbers are from, by field."""

    @field_validator("address_map")
    @classmethod
    def _bijection(cls, value: str) -> str:
        split(value, FIELDS)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name in ("banks", "rows", "word"):
            bits(name, int(getattr(self, name)))
        if not self.ports + min(self.read_ports, self.write_ports):
            what = f"ports: {self.read_ports} read and {self.write_ports} write ports and none that does both"
            raise BadInput(what, right="a port of either direction, or one that reads and writes")
        if self.queue < self.bank_ports:
            what = f"queue: {self.queue} entries keep {self.bank_ports} ports waiting"
            raise BadInput(what, right="at least one entry per port of a bank")
        if int(self.tck) < 1:
            raise BadInput("tck: a clock without a period", right="at least 1 ps")
        return self

    @property
    def addresses(self) -> FieldMap:
        """How byte addresses lie in the banks."""
        widths = {"ro": bits("rows", self.rows), "ba": bits("banks", self.banks)}
        return FieldMap(self.address_map, FIELDS, widths, bits("word", int(self.word)))

    @property
    def bank_ports(self) -> int:
        """Accesses of one bank in one cycle at most."""
        return self.ports + self.read_ports + self.write_ports

    @property
    def taken(self) -> int:
        """Requests per cycle at most."""
        return min(self.width or self.banks * self.bank_ports, self.banks * self.bank_ports)

    @property
    def capacity(self) -> int:
        """Bytes of all banks."""
        return self.banks * self.rows * int(self.word)

    @property
    def request_bytes(self) -> int:
        """Bytes of one word."""
        return int(self.word)

    @property
    def peak(self) -> float:
        """Bytes per second when every port, or the whole width of the crossbar, is used in every cycle."""
        return self.taken * int(self.word) * 1e12 / int(self.tck)

    @property
    def conflict_stride(self) -> int:
        """Bytes from a word to the next one of its bank."""
        return 1 << self.addresses.positions["ro"]

    @property
    def conflict_span(self) -> int:
        """Bytes after which the words of a bank come again."""
        return self.conflict_stride * self.rows

    @property
    def outline(self) -> str:
        """Banks, words and ports."""
        apart = f"{self.read_ports}R{self.write_ports}W" if self.read_ports or self.write_ports else ""
        ports = " + ".join(part for part in (f"{self.ports}RW" if self.ports else "", apart) if part)
        return f"{self.banks} banks of {self.rows:,} words of {self.word}, {ports}"

    def simulate(self, requests: Requests) -> Measured:
        """Answer requests: by the closed form where no two of them can meet at a port, else cycle by cycle."""
        from archsim.memory.sram_stream import unhindered

        bins, banks = np.zeros(z.LONGEST, dtype=np.int64), np.zeros((self.banks, z.BANK), dtype=np.int64)
        state = np.zeros(z.STATE, dtype=np.int64)
        start = time.process_time()
        if (found := unhindered(self, requests)) is not None:
            counts, write = found
            banks[:, z.WRITTEN if write else z.READ] = counts
            state[z.DONE] = -(-len(requests) // self.taken) + (0 if write else self.latency - 1)
            if not write:
                bins[min(self.latency, z.LONGEST - 1)] = len(requests)
                state[[z.SUM, z.SLOWEST]] = len(requests) * self.latency, self.latency
        else:
            start = self._step(requests, state, banks, bins)
        return self._measured(len(requests), state, banks, bins, time.process_time() - start)

    def _step(self, requests: Requests, state: Any, banks: Any, bins: Any) -> float:
        """Run the kernel; when it began, without compiling it."""
        numbers = np.zeros(z.NUMBERS, dtype=np.int64)
        numbers[[z.BANKS, z.DEPTH, z.WIDTH, z.LATENCY]] = self.banks, self.queue, self.taken, self.latency
        numbers[[z.SHARED, z.READS, z.WRITES]] = self.ports, self.read_ports, self.write_ports
        numbers[z.BANK_AT] = self.addresses.positions["ba"]
        queues, run = np.zeros((self.banks, self.queue), dtype=np.int64), z.compiled()
        nothing = np.zeros(0, dtype=np.int64)
        run(numbers, state, queues, banks, bins, (nothing, nothing, nothing), False)
        start, left = time.process_time(), len(requests)
        for chunk in chunks(requests, self):
            left -= len(chunk)
            offered = chunk.addresses, chunk.is_write.astype(np.int64), chunk.arrivals
            run(numbers, state, queues, banks, bins, offered, left == 0)
        return start

    def _measured(self, count: int, state: Any, banks: Any, bins: Any, spent: float) -> Measured:
        cycles, reads, writes = int(state[z.DONE]), int(banks[:, z.READ].sum()), int(banks[:, z.WRITTEN].sum())
        energy = {
            "read": reads * int(self.read_energy) / 1e3,
            "write": writes * int(self.write_energy) / 1e3,
            # uW times ps are 1e-18 J, and so 1e-6 pJ.
            "leakage": self.banks * int(self.leakage) * cycles * int(self.tck) * 1e-6,
        }
        busiest = int((banks[:, z.READ] + banks[:, z.WRITTEN]).max())
        return Measured(
            self,
            cycles,
            int(self.tck),
            count,
            reads,
            writes,
            Latencies.binned(bins, int(state[z.SUM]), int(state[z.SLOWEST])),
            energy,
            units={
                "bank reads": tuple(banks[:, z.READ].tolist()),
                "bank writes": tuple(banks[:, z.WRITTEN].tolist()),
            },
            detail={
                "delayed_accesses": int(state[z.LATE]),
                "blocked_cycles": int(state[z.BLOCKED]),
                "busiest_bank_accesses": busiest,
                "accesses_per_cycle": count / cycles if cycles else 0.0,
            },
            cpu_seconds=spent,
        )
