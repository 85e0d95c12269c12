"""The shape of the repository: what lies at the top, how it is imported, and how long a file may get."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAPPED = ("configs", "hdl", "mappers", "models", "sweeps", "workloads")
VISIBLE = {"pyproject.toml", "archsim", *MAPPED, "tests", "README.md", "Makefile", "docs", "constraints.txt"}
LONGEST_FILE = 600


def tracked() -> list[Path]:
    """Every file that git knows or would add, so that build folders and caches do not count."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    out = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in out.split("\0") if name and (ROOT / name).exists()]


def packages_on_disk() -> set[str]:
    """Every importable package: the real folders with an `__init__.py`, under the names they are imported by."""
    names = set()
    for top in ("archsim", *MAPPED):
        for init in (ROOT / top).rglob("__init__.py"):
            parts = init.parent.relative_to(ROOT).parts
            if not any((ROOT / Path(*parts[:depth])).is_symlink() for depth in range(1, len(parts) + 1)):
                names.add(".".join(parts if top == "archsim" else ("archsim", *parts)))
    return names


def test_nothing_stray_lies_at_the_top() -> None:
    top = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert {name for name in top if not name.startswith(".")} - VISIBLE - {"ARCHITECTURE.md", "LICENSE"} == set()


@pytest.mark.parametrize("name", MAPPED)
def test_each_folder_is_real_at_the_top_and_linked_in_the_package(name: str) -> None:
    link = ROOT / "archsim" / name
    assert (ROOT / name).is_dir()
    assert not (ROOT / name).is_symlink()
    assert link.is_symlink()
    assert link.readlink() == Path("..") / name


def test_there_are_no_other_links() -> None:
    links = {path.relative_to(ROOT).as_posix() for path in tracked() if path.is_symlink()}
    assert links <= {f"archsim/{name}" for name in MAPPED}


def test_the_package_list_matches_the_disk() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    on_disk = sorted(packages_on_disk())
    wanted = "packages = [\n" + "".join(f'    "{name}",\n' for name in on_disk) + "]"
    assert setuptools["packages"] == on_disk, f"pyproject.toml, [tool.setuptools], should say\n{wanted}"
    assert {name: f"archsim.{name}" for name in MAPPED} == {
        folder: package for package, folder in setuptools["package-dir"].items() if package != "archsim"
    }


def test_no_file_is_too_long() -> None:
    too_long = {}
    for path in tracked():
        if path.suffix == ".py" and not path.is_symlink():
            lines = path.read_text(encoding="utf-8").count("\n")
            if lines > LONGEST_FILE:
                too_long[path.relative_to(ROOT).as_posix()] = lines
    assert too_long == {}


def test_no_package_exists_twice() -> None:
    """`import models` would make a second copy of every class; nothing of ours may do it, even from the checkout."""
    code = f"import archsim.{', archsim.'.join(MAPPED)}, sys; print(*(set(sys.modules) & {set(MAPPED)!r}))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""
