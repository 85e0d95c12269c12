"""The table on the terminal, at any width, piped or not."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from archsim.report.document import ReportDoc
from archsim.report.terminal import show

PAGE = "runs/2026-11-22T02-23-11Z-pim-gpt-gpt2-xl-1f3c9a7e/report.html-and-a-name-that-goes-on-for-longer-than-eighty"


def printed(doc: ReportDoc, width: int = 80, *, where: str = "", colour: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system="truecolor") if colour else None
    show(doc, console or Console(file=out, width=width), where=where)
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_says_what_matters(pim: ReportDoc, width: int) -> None:
    text = printed(pim, width, where=PAGE)
    flat = " ".join(text.split())
    for part in (
        "pim-gpt x gpt2-xl",
        "generate",
        "1,024 tokens",
        "cycle model, pim mapper (gap 0.8 %)",
        f"{pim['cycles']:,} cycles at 1 GHz",
        "3.40 J",
        "tokens/s",
        "mJ/token",
        "84.6 %",
        "MAC streaming 61.0 %",
        "17.0 % above the lower bound",
        "bound by reading the weights at the banks' peak bandwidth",
        "note: Not modelled: temperature",
    ):
        assert part in flat
    assert f"report: {PAGE}\n" in text  # whole, on one line, to be clicked
    assert all(len(line) <= width for line in text.splitlines() if not line.startswith("report:"))


def test_phases_are_merged_where_the_table_would_be_long(pim: ReportDoc) -> None:
    assert "decode.qkv" not in printed(pim)
    pim["by_op"] = [op for op in pim["by_op"] if op["op"].startswith("decode.")]
    assert "decode.qkv" in printed(pim)


def test_numbers_survive_long_names(pim: ReportDoc) -> None:
    pim["units"] = {
        f"a.rather.deeply.nested.unit.name.in.channel[{i}]": use for i, use in enumerate(pim["units"].values())
    }
    for op in pim["by_op"]:
        op["op"] = f"transformer_block_with_a_long_name.{op['op']}"
        op["unit"] = "a.rather.deeply.nested.unit.name.in.channel[0]"
    text = printed(pim)
    assert "84.6 %" in text
    assert "341.0 ms" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_one_operator_has_no_tokens(gemm: ReportDoc) -> None:
    text = printed(gemm)
    assert "token" not in text
    assert "roofline model" in text
    assert "0 % above the lower bound" in text


def test_nothing_is_read_as_markup(gemm: ReportDoc) -> None:
    gemm["units"] = {"pim[0..15]": gemm["units"]["array"], "[red]x[/red]": gemm["units"]["array"]}
    text = printed(gemm)
    assert "pim[0..15]" in text
    assert "[red]x[/red]" in text


def test_colour_only_on_request(pim: ReportDoc, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" in printed(pim, colour=True)
    assert "\x1b[" not in printed(pim)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in printed(pim, colour=True)  # bold and dim may stay


def test_without_unicode(pim: ReportDoc) -> None:
    pim["by_op"][1]["op"] = "a_name_that_is_far_longer_than_the_column_it_has_to_stand_in"
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    show(pim, Console(file=out, width=80))
    out.flush()
    assert b"####" in raw.getvalue()
    assert b"~" in raw.getvalue()
    out.detach()


def test_no_bound_is_said(gemm: ReportDoc) -> None:
    gemm["lower_bound_seconds"] = 0.0
    assert "no lower bound is known" in printed(gemm)


def test_far_from_the_bound_a_factor_is_said(gemm: ReportDoc) -> None:
    gemm["lower_bound_seconds"] = gemm["seconds"] / 20
    assert "20.0x the lower bound" in printed(gemm)


def test_waits_are_named(pim: ReportDoc) -> None:
    pim["units"]["pim"]["waits"] = {"pim": 0.1, "end": 0.05}
    assert "own results" in printed(pim, 120)
    assert "nothing left to do" in printed(pim, 120)


def test_an_empty_run(gemm: ReportDoc) -> None:
    empty: ReportDoc = {**gemm, "seconds": 0.0, "cycles": 0, "units": {}, "by_op": [], "time_by_cause": {}}
    assert "0 s" in printed(empty)
