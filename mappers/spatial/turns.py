"""What comes before what in a program with loops."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass
class Turns(Generic[T]):
    """Parts of a program in order, and the ones that may have run directly before each."""

    parts: list[T] = field(default_factory=list)
    _before: list[set[int]] = field(default_factory=list)

    def add(self, part: T) -> None:
        """The next part."""
        self._before.append({len(self.parts) - 1} if self.parts else set())
        self.parts.append(part)

    def loop(self, first: int) -> None:
        """All parts from number `first` on are repeated."""
        if first < len(self.parts):
            self._before[first].add(len(self.parts) - 1)

    def before(self, index: int) -> list[T]:
        """The parts that may come directly before a part: that part itself among them where it is alone in a loop."""
        return [self.parts[other] for other in sorted(self._before[index])]
