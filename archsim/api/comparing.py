"""Several machines or runs on one workload, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from archsim.api.cases import prepare
from archsim.api.designs import known_designs
from archsim.api.running import execute
from archsim.core.errors import BadInput, UnknownName
from archsim.core.userfile import is_user_class
from archsim.ir.component import Design
from archsim.ir.report import Report
from archsim.report.compare import Compared
from archsim.report.compare import compare as side_by_side
from archsim.report.document import ReportDoc
from archsim.report.folder import find_report, load_report


def compare(
    items: Sequence[str | Path | Design | Report], workload: str | None = None, **options: Any
) -> list[Compared]:
    """Headlines of several runs or designs, each with its ratio to the first.

    Parameters
    ----------
    items
        Reports, run folders, or designs; designs are run with `workload`.
    workload
        What to run on the designs; not needed where all items have run already.
    options
        As in `archsim.run`: phase, batch, generate, fidelity, mapper, ...

    Raises
    ------
    BadInput
        Nothing of such a name, or a design without a workload.
    """
    return side_by_side(documents(items, workload, **options))


def documents(
    items: Sequence[str | Path | Design | Report], workload: str | None = None, **options: Any
) -> list[ReportDoc]:
    """The report of each item, run where it has not run yet."""
    if not items:
        raise BadInput("nothing to compare", right="run folders or designs", try_="archsim list designs")
    return [_document(item, workload, options) for item in items]


def _document(item: str | Path | Design | Report, workload: str | None, options: dict[str, Any]) -> ReportDoc:
    if isinstance(item, Report):
        return cast("ReportDoc", item.to_json())
    if not isinstance(item, Design) and not _is_design(str(item)):
        return load_report(item)
    if workload is None:
        raise BadInput(f"{item} is a design: what should it run?", right="--workload W", try_="--workload gpt2-xl")
    return cast("ReportDoc", execute(prepare(item, workload, **options)).report.to_json())


def _is_design(text: str) -> bool:
    """Whether a name means a design; a folder or something with a report in it is a run."""
    if is_user_class(text) or text.endswith((".yaml", ".yml", ".py")):
        return True
    if text in known_designs():
        return not Path(text).is_dir()
    try:
        find_report(text)
    except BadInput:
        if Path(text).exists() or "/" in text:
            raise
        raise UnknownName("run or design", text, known_designs()) from None
    return False
