"""Names for one extension point: one line registers, a clash is an error, a miss suggests the nearest name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from archsim.core.errors import NameTaken, UnknownName

T = TypeVar("T")


class Registry(Generic[T]):
    """Values by name. `label` says in errors what the names name, such as ``"mapper"``."""

    def __init__(self, label: str) -> None:
        self.label = label
        self._values: dict[str, T] = {}
        self._homes: dict[str, str] = {}

    def add(self, name: str, value: T, *, where: str = "") -> None:
        """Register `value`; adding the same value again changes nothing.

        Raises
        ------
        NameTaken
            Something else has this name. `where` tells later clashes who holds it; by default the value's own module.
        """
        if name in self._values and self._values[name] is not value:
            raise NameTaken(
                f"{self.label} {name!r} is taken by {self._homes[name]}",
                where=where or _home(value),
                right=f"each {self.label} needs a name of its own",
            )
        self.replace(name, value, where=where)

    def replace(self, name: str, value: T, *, where: str = "") -> None:
        """Register `value` whether or not the name is taken: for a definition that is run again, as in a notebook."""
        self._values[name] = value
        self._homes[name] = where or _home(value)

    def get(self, name: str) -> T:
        """The value of this name.

        Raises
        ------
        UnknownName
            Nothing has this name; the error offers the nearest and lists the rest.
        """
        try:
            return self._values[name]
        except KeyError:
            raise UnknownName(self.label, name, self._values) from None

    @contextmanager
    def undone(self, *, keep: str = "") -> Iterator[None]:
        """Forget at the end what is registered inside, and give replaced values their names back.

        Parameters
        ----------
        keep
            A package whose own definitions stay: its modules are imported once and would not register them again.
        """
        values, homes = dict(self._values), dict(self._homes)
        try:
            yield
        finally:
            if keep:
                own = [name for name, home in self._homes.items() if home.startswith(f"{keep}.")]
                values |= {name: self._values[name] for name in own}
                homes |= {name: self._homes[name] for name in own}
            self._values, self._homes = values, homes

    def names(self) -> tuple[str, ...]:
        """Every name, sorted."""
        return tuple(sorted(self._values))

    def items(self) -> tuple[tuple[str, T], ...]:
        """Every name with its value, sorted by name."""
        return tuple((name, self._values[name]) for name in self.names())

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __len__(self) -> int:
        return len(self._values)


def _home(value: object) -> str:
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}.{getattr(named, '__qualname__', '')}"
