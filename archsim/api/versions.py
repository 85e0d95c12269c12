"""Which code, on which machine: what makes two results comparable, and what is written beside every result."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, entry_points, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import archsim
from archsim.api.plugins import GROUP
from archsim.core.userfile import source_of

PACKAGES = ("archsim", "archsim.models", "archsim.mappers", "archsim.workloads", "archsim.configs")
"""Where everything that decides a number lives. The command line and the pages decide none."""
LEFT_OUT = ("cli", "report", "hdl", "sweeps")
LIBRARIES = ("numpy", "numba", "pulp", "pydantic", "simpy")


@cache
def code_version() -> str:
    """Version and digest of the source: a stored result is only taken for one of the same code."""
    sum_ = blake2b(digest_size=6)
    for name, path in sorted(_sources()):
        sum_.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    plugins = sorted(f"{e.dist.name} {e.dist.version}" for e in entry_points(group=GROUP) if e.dist is not None)
    sum_.update("\n".join(plugins).encode())
    return f"{archsim.__version__}+{sum_.hexdigest()}"


def _sources() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        spec = find_spec(package)
        for root in (spec.submodule_search_locations or ()) if spec is not None else ():
            for folder, below, files in os.walk(root):
                below[:] = [name for name in below if name not in LEFT_OUT and not name.startswith((".", "__"))]
                for file in files:
                    if file.endswith((".py", ".yaml")):
                        path = Path(folder) / file
                        yield f"{package}/{path.relative_to(root).as_posix()}", path


def user_sources(*specs: BaseModel) -> tuple[str, ...]:
    """Digests of the users' files whose classes these specs are made of: their code decides results too."""
    files: set[Path] = set()
    for spec in specs:
        files |= _files(spec)
    return tuple(sorted(blake2b(file.read_bytes(), digest_size=6).hexdigest() for file in files))


def _files(spec: BaseModel) -> set[Path]:
    found = {path for cls in type(spec).__mro__ if (path := source_of(cls)) is not None}
    for name in type(spec).model_fields:
        if isinstance(value := getattr(spec, name), BaseModel):
            found |= _files(value)
    return found


def provenance() -> dict[str, Any]:
    """What a result was made with: the same in every run of the same code on the same machine."""
    return {
        "archsim": archsim.__version__,
        "code": code_version(),
        "git": git_commit(),
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
        "libraries": {name: _version(name) for name in LIBRARIES},
    }


@cache
def git_commit() -> str | None:
    """The commit of the checkout archsim runs from, with ``+`` where files differ from it; None outside of one."""
    home = Path(archsim.__file__).parent.parent
    if not (home / ".git").exists():
        return None
    try:
        commit = _git(home, "rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git(home, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(home: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(home), *words], capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()


@cache
def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
