"""What the shell offers after TAB. Reads folder names only, so that it answers at once."""

from __future__ import annotations

from pathlib import Path

PHASES = ("prefill", "decode", "generate")
FIDELITIES = ("cycle", "roofline")
OPERATORS = ("gemm:", "attention:", "softmax:", "layernorm:", "rmsnorm:", "gelu:", "add:", "copy:")


def _names(kind: str) -> list[str]:
    from archsim.core.files import bundled

    return sorted(Path(entry.name).stem for entry in bundled(kind).iterdir() if entry.name.endswith(".yaml"))


def _starting(incomplete: str, names: list[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _files(incomplete: str, *patterns: str) -> list[str]:
    folder = Path(incomplete).parent if incomplete and not incomplete.endswith("/") else Path(incomplete or ".")
    return sorted(str(path) for pattern in patterns for path in folder.glob(pattern))


def designs(incomplete: str) -> list[str]:
    """Bundled designs and YAML files."""
    return _starting(incomplete, _names("designs") + _files(incomplete, "*.yaml"))


def workloads(incomplete: str) -> list[str]:
    """Bundled models, operators and YAML files."""
    return _starting(incomplete, _names("models") + list(OPERATORS) + _files(incomplete, "*.yaml"))


def papers(incomplete: str) -> list[str]:
    """Papers whose numbers are here."""
    from archsim.api.reproduce import PAPERS

    return _starting(incomplete, list(PAPERS))


def memories(incomplete: str) -> list[str]:
    """Bundled memories and YAML files."""
    return _starting(incomplete, _names("memories") + _files(incomplete, "*.yaml"))


def studies(incomplete: str) -> list[str]:
    """Bundled studies and YAML files."""
    return _starting(incomplete, _names("sweeps") + _files(incomplete, "*.yaml"))


def results(incomplete: str) -> list[str]:
    """Run folders, and what `studies` offers."""
    return _starting(incomplete, _files(incomplete, "*/", "runs/*/")) + studies(incomplete)


def named(incomplete: str) -> list[str]:
    """Everything that `show` and `explain` know."""
    return _starting(
        incomplete, [name for kind in ("designs", "models", "sweeps", "memories", "cascades") for name in _names(kind)]
    )


def phases(incomplete: str) -> list[str]:
    """Phases of a transformer."""
    return _starting(incomplete, list(PHASES))


def fidelities(incomplete: str) -> list[str]:
    """Ways to simulate."""
    return _starting(incomplete, list(FIDELITIES))


def mappers(incomplete: str) -> list[str]:
    """Registered mappers."""
    from archsim.api.plugins import register
    from archsim.ir.mapper import Mapper

    register()
    return _starting(incomplete, list(Mapper.registry.names()))
