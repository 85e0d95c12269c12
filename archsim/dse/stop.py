"""Ctrl-C: once means finish what runs and keep it, twice means now."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Whether, and how urgently, someone wants the study to end."""

    def __init__(self) -> None:
        self.requested = False
        self.now = False
        self.on_request: Callable[[], None] = lambda: None
        """Called at the first request, to say so."""
        self.on_now: Callable[[], None] = lambda: None
        """Called at the second request, to end what runs."""

    def request(self) -> None:
        """Ask to stop; asking again means at once."""
        if self.requested:
            self.now = True
            self.on_now()
        else:
            self.requested = True
            self.on_request()

    @contextmanager
    def listening(self) -> Iterator[Stop]:
        """Ctrl-C inside this block is a request; outside the main thread signals stay as they are."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return

        def handle(signum: int, frame: FrameType | None) -> None:
            self.request()

        before = signal.signal(signal.SIGINT, handle)
        try:
            yield self
        finally:
            signal.signal(signal.SIGINT, before)
