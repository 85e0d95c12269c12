"""Where built simulators and generated libraries are kept between runs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path


def cached(name: str, key: str, make: Callable[[Path], None]) -> Path:
    """A folder that `make` fills once per key; several processes may ask at once.

    Parameters
    ----------
    name
        What it is, the readable part of the folder's name.
    key
        Everything that the content depends on: sources, options, versions.
    make
        Fills an empty folder; what it raises leaves nothing behind.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "archsim" / "rtl"
    target = base / f"{name}-{sha256(key.encode()).hexdigest()[:16]}"
    if not target.exists():
        base.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=base, prefix=".making-") as scratch:
            fresh = Path(scratch) / "made"
            fresh.mkdir()
            make(fresh)
            try:
                fresh.rename(target)
            except OSError:  # another process was faster, with the same content
                if not target.exists():
                    raise
    return target
