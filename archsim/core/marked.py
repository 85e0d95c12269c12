"""Parts of a page that a program writes: what stands between the lines ``<!-- name -->`` and ``<!-- /name -->``."""

from __future__ import annotations

from archsim.core.errors import BadInput


def marks(name: str) -> tuple[str, str]:
    """The lines around a part."""
    return f"<!-- {name} -->\n", f"<!-- /{name} -->"


def marked(text: str, name: str) -> str:
    """A part of a page, its lines with their ends.

    Raises
    ------
    BadInput
        The page has no such part.
    """
    return _split(text, name)[1]


def with_marked(text: str, name: str, part: str) -> str:
    r"""The page with another part in this place; lines with their ends.

    Raises
    ------
    BadInput
        The page has no such part.

    >>> with_marked("a <!-- x -->\n1\n<!-- /x --> b", "x", "2\n")
    'a <!-- x -->\n2\n<!-- /x --> b'
    """
    before, _, after = _split(text, name)
    begin, end = marks(name)
    return before + begin + part + end + after


def _split(text: str, name: str) -> tuple[str, str, str]:
    begin, end = marks(name)
    before, found, rest = text.partition(begin)
    part, closed, after = rest.partition(end)
    if not found or not closed:
        raise BadInput(f"no part {name!r} in the page", right=f"a line {begin.strip()} and below it {end}")
    return before, part, after
