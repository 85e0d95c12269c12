"""The facts of a design on a terminal: constants in a table, sources as numbered notes, assumptions as paragraphs."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence

from archsim.cli.talk import PLAIN_WIDTH, columns
from archsim.ir.report import Fact


def fact_lines(facts: Sequence[Fact]) -> Iterator[str]:
    """Lines no wider than the terminal."""
    width = shutil.get_terminal_size((PLAIN_WIDTH, 0)).columns if sys.stdout.isatty() else PLAIN_WIDTH
    constants = [fact for fact in facts if "." in fact.name]
    numbers = {source: index for index, source in enumerate(dict.fromkeys(f.source for f in constants), 1)}
    rows = [(f.name, f.value, f.confidence, f"[{numbers[f.source]}]") for f in constants]
    yield from columns([("constant", "value", "confidence", "source"), *rows])
    yield ""
    for fact in facts:
        if "." not in fact.name:
            origin = f" ({fact.confidence}; {fact.source})" if fact.source != "-" else ""
            yield from _paragraph(f"{fact.name}: ", fact.value + origin, width)
    yield ""
    for source, index in numbers.items():
        yield from _paragraph(f"[{index}] ".rjust(5), source, width)


def _paragraph(label: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=label, subsequent_indent=" " * min(len(label), 5))
