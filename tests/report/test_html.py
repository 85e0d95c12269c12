"""The page of a run: whole, safe, silent on the network, the same every time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

from archsim.ir.report import Report
from archsim.report.document import ReportDoc
from archsim.report.html import report_page
from archsim.report.markup import VOID, el, join
from tests.report.conftest import as_doc

EVIL = '<script>alert("1")</script>&\'"'


class Reader(HTMLParser):
    """Checks nesting and collects text, tags and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in {"script", "style"}:
            self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def flat(page: str) -> str:
    return " ".join("".join(read(page).text).replace("\N{NARROW NO-BREAK SPACE}", " ").split())


def test_parses_and_has_every_section(pim: ReportDoc) -> None:
    reader = read(report_page(pim))
    sections = [attrs["id"] for tag, attrs in reader.tags if tag == "section"]
    assert sections == ["time", "energy", "memory", "roofline", "units", "mapping", "facts", "notes", "repeat"]


def test_every_link_leads_somewhere_on_the_page(pim: ReportDoc) -> None:
    reader = read(report_page(pim))
    ids = [attrs["id"] for _, attrs in reader.tags if "id" in attrs]
    links = [attrs["href"] for tag, attrs in reader.tags if tag == "a"]
    assert len(ids) == len(set(ids))
    assert links
    assert all(link is not None and link.startswith("#") and link[1:] in ids for link in links)


def test_fetches_nothing(pim: ReportDoc) -> None:
    page = report_page(pim)
    assert not re.search(r"https?:|//cdn|@import|url\((?!#)", page)
    assert not {tag for tag, _ in read(page).tags} & {"img", "link", "iframe", "object", "embed", "base", "form"}
    assert not any("src" in attrs or "onclick" in attrs for _, attrs in read(page).tags)


def test_headline(pim: ReportDoc) -> None:
    text = flat(report_page(pim))
    for part in (
        "pim-gpt",
        "gpt2-xl",
        "cycle model",
        "gap 0.8 %",
        "17.0 % above the lower bound",
        "3.40 J",
        "763 tokens/s",
    ):
        assert part in text
    assert "it is bound by reading the weights at the banks' peak bandwidth" in text


def test_all_numbers_are_there(pim: ReportDoc) -> None:
    page = report_page(pim)
    text = flat(page)
    for op in pim["by_op"]:
        assert op["op"] in text
        assert f'data-v="{op["seconds"]!r}"' in page
        assert f'data-v="{op["energy_joules"]!r}"' in page
        assert f'data-v="{op["macs"]!r}"' in page
    for name in (*pim["energy_joules"]["by_component"], *pim["traffic_bytes"], *pim["units"], *pim["time_by_cause"]):
        assert name in text
    for fact in pim["facts"]:
        assert all(part in text for part in (fact["name"], fact["value"], fact["source"], fact["confidence"]))
    for note in pim["notes"]:
        assert note in text
    assert "191,234,567" in text
    assert "row hit rate" in text
    assert "archsim run pim-gpt gpt2-xl --phase generate --generate 1024" in text
    assert "9c0d2e4f6a8b1c3d" in text


def test_same_bytes_every_time(pim_report: Report) -> None:
    assert report_page(as_doc(pim_report)) == report_page(as_doc(pim_report))


def test_names_cannot_break_the_page(pim_report: Report, gemm_report: Report) -> None:
    harmless = report_page(as_doc(pim_report)).count("<script")
    doc = as_doc(pim_report)
    doc["design"] = doc["workload"] = doc["phase"] = doc["fidelity"] = doc["bound_by"] = EVIL
    doc["notes"] = [EVIL]
    doc["units"] = {EVIL: doc["units"]["pim"]}
    doc["by_op"] = [{**op, "op": EVIL, "kind": EVIL, "unit": EVIL} for op in doc["by_op"][:1]]
    doc["samples"] = [{**sample, "loop": EVIL, "busy": {EVIL: 0.0}} for sample in doc["samples"]]
    doc["time_by_cause"] = {EVIL: 1.0}
    doc["energy_joules"]["by_component"] = {EVIL: 1.0}
    doc["traffic_bytes"] = {EVIL: {"read": 1, "write": 1}}
    doc["memory"] = {EVIL: 0.5}
    doc["counters"] = {EVIL: {EVIL: 1}}
    doc["mapping"] = {EVIL: EVIL, "mapper": EVIL}
    doc["facts"] = [{"name": EVIL, "value": EVIL, "source": EVIL, "confidence": EVIL}]
    doc["provenance"] = {"command": EVIL, EVIL: {EVIL: EVIL}}
    page = report_page(doc)
    assert page.count("<script") == harmless
    assert EVIL in "".join(read(page).text)


def test_one_operator_leaves_out_what_it_has_not(gemm: ReportDoc) -> None:
    page = report_page(gemm)
    sections = [attrs["id"] for tag, attrs in read(page).tags if tag == "section"]
    assert sections == ["time", "memory", "units", "mapping", "repeat"]  # a roofline counts no energy
    assert "meets the lower bound" in flat(page)
    assert "token" not in flat(page)


def test_an_empty_run_has_a_page(gemm_report: Report) -> None:
    nothing: Mapping[str, Any] = {}
    empty = replace(
        gemm_report,
        total_ps=0,
        macs=0,
        lower_bound_ps=0,
        energy_fj=nothing,
        traffic=nothing,
        units=nothing,
        ops=(),
        time_by_cause=nothing,
        mapping=nothing,
    )
    assert "It has no lower bound: no unit says what nothing could beat" in flat(report_page(as_doc(empty)))


def test_hundreds_of_ops_stay_readable(gemm_report: Report) -> None:
    doc = as_doc(gemm_report)
    doc["by_op"] = [{**doc["by_op"][0], "op": f"layer{i}.matmul", "seconds": 1e-6 / (i + 1)} for i in range(300)]
    text = flat(report_page(doc))
    assert "280 more ops" in text
    assert "layer299.matmul" in text  # in the table of all ops


def test_far_above_its_bound(gemm: ReportDoc) -> None:
    gemm["lower_bound_seconds"] = gemm["seconds"] / 40
    assert "That is 40.0\N{MULTIPLICATION SIGN} the lower bound" in flat(report_page(gemm))


def test_markup_escapes_text_and_attributes() -> None:
    assert el("p", EVIL, title=EVIL).count("<") == 2
    assert join(["a<b", el("b", "c")]) == "a&lt;b<b>c</b>"
    assert el("input", hidden=True, value=None, disabled=False) == "<input hidden>"


def test_a_unit_that_never_worked_and_facts_of_all_kinds(gemm: ReportDoc) -> None:
    gemm["units"]["idle"] = {"busy_seconds": 0.0, "utilization": 0.0, "waits": {"array": gemm["seconds"]}}
    kinds = ("exact", "calibrated", "from memory (low)")
    gemm["facts"] = [{"name": kind, "value": "1", "source": "s", "confidence": kind} for kind in kinds]
    text = flat(report_page(gemm))
    assert "array 100.0 %" in text
    assert all(kind in text for kind in kinds)
