"""Files: written whole or not at all, and the YAML that is packaged with archsim."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import count
from pathlib import Path

from archsim.core.errors import BadInput, UnknownName

_OWN_FOLDERS = {"configs": "archsim.configs", "sweeps": "archsim.sweeps"}
_attempts = count()


def write_atomic(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new, never a part.

    Missing folders are made.

    Raises
    ------
    BadInput
        The file cannot be written: names the file, the reason and what to try. Nothing half-written stays behind.
    """
    target = Path(path)
    # A name of our own, because two processes of one sweep may write the same file at the same time.
    half = target.with_name(f".{target.name}.{os.getpid()}-{next(_attempts)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with half.open("xb") as out:
            out.write(content.encode() if isinstance(content, str) else content)
            out.flush()
            os.fsync(out.fileno())
        half.replace(target)
    except OSError as error:
        _discard(half)
        raise _cannot_write(target, error) from error
    except BaseException:
        _discard(half)
        raise
    _sync_folder(target.parent)


def bundled(kind: str) -> Traversable:
    """The folder of packaged YAML of one kind: ``"designs"``, ``"memories"``, ... of configs, or ``"sweeps"``.

    Raises
    ------
    UnknownName
        archsim packages nothing of that kind.
    """
    if kind in _OWN_FOLDERS:
        return files(_OWN_FOLDERS[kind])
    configs = files(_OWN_FOLDERS["configs"])
    kinds = [entry.name for entry in configs.iterdir() if entry.is_dir() and not entry.name.startswith("_")]
    if kind not in kinds:
        raise UnknownName("bundled folder", kind, [*kinds, *_OWN_FOLDERS])
    return configs / kind


def _discard(half: Path) -> None:
    with suppress(OSError):
        half.unlink()


def _sync_folder(folder: Path) -> None:
    # Makes the new name itself survive a power cut; some file systems refuse, and the file is right without it.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _cannot_write(target: Path, error: OSError) -> BadInput:
    reason = (error.strerror or type(error).__name__).lower()
    elsewhere = "another folder with --out DIR"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        tries: tuple[str, ...] = (f"free space for {target.parent}", elsewhere)
    elif error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        tries = (f"make {target.parent} writable", elsewhere)
    else:
        tries = ("free space", elsewhere)
    return BadInput(f"cannot write: {reason}", where=str(target), right="nothing was left half-written", try_=tries)
