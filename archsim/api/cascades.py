"""Cascades of einsums for people: what `archsim list`, `show` and `check` say about them."""

from __future__ import annotations

from pathlib import Path

from archsim.api.designs import Sets
from archsim.core.errors import BadInput
from archsim.core.yamlfile import load_document
from archsim.ir.cascade.file import KIND, base_path, bundled_file, load_cascade, names
from archsim.ir.cascade.text import analysis, summary


def is_cascade(name: str) -> bool:
    """Whether a name is a bundled cascade, or a YAML file whose `kind`, or that of its base, is a cascade."""
    if not name.endswith((".yaml", ".yml")):
        return name in names()
    try:
        return load_document(Path(name).expanduser(), resolve_base=base_path).data.get("kind") == KIND
    except BadInput:
        return False


def cascade_text(name: str, set: Sets = None) -> str:
    """A cascade as YAML that can be read back, and below it, as comments, what follows from its einsums.

    Raises
    ------
    BadInput
        The file is not right; names the line, the einsum and the rank. Or settings, which a cascade does not take.
    """
    if set:
        right = f"a file with changes on top:  base: {name}  and below it  sizes: {{M0: 128}}"
        raise BadInput(f"{name} is a cascade, which has no settings", right=right)
    cascade = load_cascade(name)
    path = bundled_file(name) or Path(name).expanduser()
    below = "".join(f"# {line}\n" for line in analysis(cascade).splitlines())
    return f"{path.read_text(encoding='utf-8').rstrip()}\n#\n{below}"


def cascade_line(path: str | Path) -> str:
    """What a file is, in one line.

    Raises
    ------
    BadInput
        The file is not right; names the line, the einsum and the rank.
    """
    return f"{KIND}: {summary(load_cascade(path))}"
