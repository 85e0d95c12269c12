"""A PIM standard whose every gap is drawn: commands of all scopes, two row buffers, rules of all scopes."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from archsim.ir.affine import Affine
from archsim.memory.device import Dram
from archsim.memory.pim.program import Do, Fence, Loop, Node, Program
from archsim.memory.protocol import BankState, Command, Rule, Scope
from archsim.memory.standards import STANDARDS

OPEN, CLOSED = BankState.OPEN, BankState.CLOSED
GROUP, RANK, CHANNEL = Scope.BANK_GROUP, Scope.RANK, Scope.CHANNEL

COMMANDS = (
    Command("ACTAB", "open a row everywhere", scope=CHANNEL, needs=CLOSED, leaves=OPEN),
    Command("PREAB", "close every row", scope=CHANNEL, leaves=CLOSED),
    Command("MACAB", "work everywhere", scope=CHANNEL, needs=OPEN, opened_by="ACTAB", closed_by="PREAB", done="d0"),
    Command("MACG", "work in a group", scope=GROUP, needs=OPEN),
    Command("MACR", "work in a rank", scope=RANK, needs=OPEN, closed_by="PREAB", done="d1"),
    Command(
        "GACT", "open a row in the second buffers of a group", scope=GROUP, needs=CLOSED, leaves=OPEN, row_buffer=1
    ),
    Command("PPRE", "close the second buffer of a bank", needs=OPEN, leaves=CLOSED, row_buffer=1),
    Command("HEAD", "begin", scope=CHANNEL, needs=CLOSED, closed_by="PPRE", row_buffer=1),
    Command(
        "COMP",
        "work from the second buffers",
        scope=CHANNEL,
        needs=OPEN,
        opened_by="GACT",
        closed_by="PPRE",
        row_buffer=1,
    ),
    Command("WGB", "write a buffer", scope=CHANNEL),
    Command("OUT", "read results of a rank", scope=RANK, done="d2"),
    Command("REF", "refresh a rank", scope=RANK, needs=CLOSED),
)
NEW = tuple(command.name for command in COMMANDS)
PAIRS = [(a, b) for i, a in enumerate(NEW) for j, b in enumerate(NEW) if (3 * i + 5 * j) % 4 != 1]
SCOPES = (Scope.BANK, GROUP, RANK, CHANNEL)
RULES = tuple(
    Rule(SCOPES[(i + i // 4) % 4], (a,), (b,), f"x{i}") for i, (a, b) in enumerate(PAIRS) if (a, b) != ("REF", "REF")
)
OLD = tuple(
    Rule(SCOPES[i % 4], (a,), (b,), f"y{i}")
    for i, (a, b) in enumerate(
        [(a, b) for a in ("ACT", "PRE", "RD", "WR") for b in NEW[:-1]]
        + [(a, b) for a in NEW[:-1] for b in ("ACT", "PRE", "RD", "WR")]
    )
)
DRAWN = STANDARDS.get("hbm2").variant("drawn", "nowhere: for tests", commands=COMMANDS, rules=(*RULES, *OLD))
NAMES = sorted(DRAWN.timings)

if "drawn" not in STANDARDS:
    STANDARDS.add("drawn", DRAWN)


@st.composite
def devices(draw: st.DrawFn, window: int = 0) -> Dram:
    """A device of this standard: small, with short refresh intervals."""
    rng = draw(st.randoms(use_true_random=False))
    most = draw(st.sampled_from([3, 20, 60]))
    sheet = {
        "tcl": 5,
        "tcwl": 3,
        "trcdrd": 4,
        "trp": rng.randint(1, 20),
        "tras": rng.randint(5, 30),
        "trrd_s": 2,
        "tfaw": 9,
    }
    sheet |= {"tccd_s": rng.randint(1, 6), "trtp": 3, "twr": 4, "twtr_s": 3, "trfc": rng.randint(20, 90)}
    sheet["trefi"] = 4000 if most > 20 else draw(st.sampled_from([900, 4000]))
    base: dict[str, Any] = {"standard": "drawn", "tck": "1 ns", "burst": 4, "bus_width": 64, "device_width": 64}
    base |= {
        "channels": 1,
        "ranks": draw(st.sampled_from([1, 2])),
        "groups": 2,
        "banks": 2,
        "rows": 4096,
        "page": "256 B",
    }
    device = Dram.model_validate({**base, "timing": sheet, "pim_timing": _zero()})
    own = {name: rng.randint(0, most) for name in _zero()}
    policy = {
        "refresh": draw(st.sampled_from(["staggered", "simultaneous", "off"])),
        "refresh_yields": draw(st.booleans()),
        "pim_window": window or draw(st.sampled_from([1, 2, 5, 16])),
    }
    return device.vary(pim_timing=own, policy=policy)


def _zero() -> dict[str, int]:
    return {name: 0 for name in NAMES if name[0] in "xyd" and name[1:].isdecimal()}


def bodies(depth: int = 2, around: tuple[str, ...] = ()) -> st.SearchStrategy[tuple[Node, ...]]:
    """Commands of every kind, fences and loops."""
    row = st.builds(
        lambda base, steps: Affine(base, tuple((v, s) for v, s in zip(around, steps, strict=False) if s)),
        st.integers(0, 9),
        st.lists(st.integers(0, 3), min_size=len(around), max_size=len(around)),
    )
    working = st.builds(
        Do, st.sampled_from(["MACAB", "MACG", "MACR", "COMP", "RD", "WR"]), st.integers(0, 3), row, st.integers(1, 6),
        hold=st.sampled_from([0, 0, 7]), reserve=st.sampled_from([0, 0, 100]), start=st.sampled_from([0, 0, 0, 500]),
    )  # fmt: skip
    plain = st.builds(Do, st.sampled_from(["HEAD", "WGB", "OUT"]), st.integers(0, 3), count=st.integers(1, 4))
    opening = st.builds(Do, st.sampled_from(["ACT", "ACTAB"]), st.integers(0, 3), row)
    closing = st.builds(Do, st.sampled_from(["PRE", "PREAB"]), st.integers(0, 3))
    fence = st.builds(Fence, st.booleans(), st.sampled_from([0, 30]))
    node: st.SearchStrategy[Node] = st.one_of(working, working, working, plain, fence, opening, closing)
    if depth:
        var = f"v{len(around)}"
        inner = bodies(depth - 1, (*around, var))
        node = st.one_of(node, node, node, st.builds(Loop, st.just(var), st.integers(1, 5), inner))
    return st.lists(node, min_size=1, max_size=5).map(tuple)


programs = bodies().map(Program)


@st.composite
def streams(draw: st.DrawFn) -> Program:
    """A long loop in which all rows move alike, and something after it."""
    step = draw(st.integers(0, 2))
    names = ["MACAB", "MACR", "COMP", "HEAD", "WGB", "OUT", "RD", "WR"]
    body: list[Node] = []
    for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=4)):
        row = Affine(-1) if name in ("HEAD", "WGB", "OUT") else Affine.var("v0", step, draw(st.integers(0, 3)))
        count, hold = draw(st.integers(1, 6)), draw(st.sampled_from([0, 0, 7]))
        body.append(Do(name, draw(st.integers(0, 3)), row, count, hold))
    if draw(st.booleans()):
        body.append(Fence(draw(st.booleans()), draw(st.sampled_from([0, 30])), rows=draw(st.booleans())))
    tail = draw(bodies(1))
    return Program((Loop("v0", draw(st.integers(50, 4000)), tuple(body)), *tail))
