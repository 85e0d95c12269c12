"""A word about compiling, while it happens."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread, get_ident

from archsim.cli.talk import Talk

EVERY = 0.5
"""Seconds between two looks at what is going on; what is compiled sooner needs no word."""
COMPILER = "numba.core.compiler"
"""Module whose functions are at work while something is compiled, and not while it is read from the disk."""
COMPILING = "the controller of this memory is compiled once, and kept"


@contextmanager
def compiling(talk: Talk, *, every: float = EVERY) -> Iterator[None]:
    """Say once that a controller is compiled, if that happens in this block.

    A thread looks which functions the block is in. So the command line need not load a compiler to hear from it.

    Parameters
    ----------
    talk
        Who says it.
    every
        Seconds between two looks.
    """
    over, worker = Event(), get_ident()

    def watch() -> None:
        while not over.wait(every):
            if _is_in(COMPILER, worker):
                talk.say(COMPILING)
                return

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _is_in(module: str, thread: int) -> bool:
    """Whether a thread is inside a function of a module."""
    frame = sys._current_frames().get(thread)
    while frame is not None:
        if frame.f_globals.get("__name__") == module:
            return True
        frame = frame.f_back
    return False
