"""Errors as small lessons: where it went wrong, what was given, what would be right, what to try."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, ClassVar, Self

SHOWN_NAMES = 12
"""How many known names an error lists before it says how many more there are."""


class ArchsimError(Exception):
    """Base of every error archsim raises on purpose.

    Parameters
    ----------
    what
        What was given or what happened, as one clause: ``"unknown key 'bank', did you mean 'banks'?"``.
    where
        The place to edit: ``"configs/edge.yaml:7"``, ``"--set pim.banks=0"``, ``"pim.channel[3].bank[7]"``.
    right
        What would be right, and what it means. May span lines.
    try_
        Changes that would help, each something the reader can do as written.
    """

    exit_code: ClassVar[int] = 3
    """What the command line exits with: 1 the model says no, 2 bad input, 3 a bug of archsim's own."""

    problems: tuple[ArchsimError, ...] = ()
    """The separate problems of an error that reports several at once; empty for a single one."""

    def __init__(self, what: str, *, where: str = "", right: str = "", try_: str | Sequence[str] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.right = right
        self.tries = (try_,) if isinstance(try_, str) else tuple(try_)

    @classmethod
    def several(cls, problems: Sequence[ArchsimError]) -> Self:
        """One error that shows every problem, one below the other."""
        error = cls.__new__(cls)
        ArchsimError.__init__(error, "\n".join(str(problem) for problem in problems))
        error.problems = tuple(problems)
        return error

    def __str__(self) -> str:
        lines = [f"{self.where}  {self.what}" if self.where else self.what]
        lines += [f"   {line}" for line in self.right.splitlines()]
        if self.tries:
            lines.append("   try: " + " | ".join(self.tries))
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors cross process borders in sweeps; the default way would call __init__ with `args` alone.
        return _revive, (type(self), self.args, self.__dict__.copy())


def _revive(cls: type[ArchsimError], args: tuple[object, ...], state: dict[str, object]) -> ArchsimError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class BadInput(ArchsimError, ValueError):
    """The user's input is wrong, and the message says how to mend it.

    Also a `ValueError`, so that pydantic locates one raised inside a validator.
    """

    exit_code = 2


class UnknownName(BadInput):
    """A name that nothing answers to, with the nearest one that something does.

    Parameters
    ----------
    label
        What the name names: ``"design"``, ``"component kind"``.
    name
        The name as given.
    known
        Every name that would have worked.
    where
        The place to edit.
    """

    def __init__(self, label: str, name: str, known: Iterable[str], *, where: str = "") -> None:
        names = sorted(known)
        self.name = name
        self.near = nearest(name, names)
        listed = some(names) if names else "none"
        super().__init__(
            f"unknown {label} {name!r}{did_you_mean(self.near)}", where=where, right=f"known {plural(label)}: {listed}"
        )


class NameTaken(BadInput):
    """Two things want the same name."""


class DoesNotFit(ArchsimError):
    """Something needs more than there is.

    Parameters
    ----------
    what
        What does not fit: ``"mapping does not fit"``.
    need, have
        Amounts in `unit`.
    terms
        What the need is made of, so that the reader sees which part to shrink.
    unit
        Unit of all amounts; bytes are shown as KiB, MiB, GiB or TiB.
    where
        The resource that is too small.
    try_
        Changes that would make it fit.
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        need: int,
        have: int,
        terms: Mapping[str, int],
        unit: str = "B",
        where: str = "",
        try_: str | Sequence[str] = (),
    ) -> None:
        self.need = need
        self.have = have
        self.terms = dict(terms)
        parts = ", ".join(f"{term} = {_amount(count, unit)}" for term, count in self.terms.items())
        needs, has = _amount(need, unit), _amount(have, unit)
        if needs == has:  # rounding must not hide what is short
            needs, has = f"{need:,} {unit}", f"{have:,} {unit}"
        right = f"needs {needs}, has {has}" + (f": {parts}" if parts else "")
        super().__init__(what, where=where, right=right, try_=try_)


class Infeasible(ArchsimError):
    """No mapping satisfies the constraints: a result, not a failure, and it says which constraint binds."""

    exit_code = 1


class Broken(ArchsimError):
    """A promise inside archsim did not hold. Always a bug of archsim's, never of its input."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was most likely meant to be, ignoring case; None where nothing is close.

    >>> nearest("pim-gtp", ["pim-gpt", "neupims"])
    'pim-gpt'
    """
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def did_you_mean(near: str | None) -> str:
    """The clause that offers `near`, or nothing."""
    return f", did you mean {near!r}?" if near is not None else ""


def some(names: Sequence[str]) -> str:
    """The first names, and how many more there are.

    >>> some([str(n) for n in range(14)])
    '0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 2 more'
    """
    more = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def plural(noun: str) -> str:
    """The plural of an English noun as our labels use them.

    >>> plural("memory"), plural("mapper"), plural("key")
    ('memories', 'mappers', 'keys')
    """
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def _amount(count: int, unit: str) -> str:
    """An amount for people: exact up to a MiB and for round numbers, else four digits."""
    if unit == "B":
        for name, factor in (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
            if count >= factor:
                whole, rest = divmod(count, factor)
                if not rest:
                    return f"{whole:,} {name}"
                if count > 1 << 20:
                    return f"{count / factor:,.4g} {name}"
    return f"{count:,} {unit}"
