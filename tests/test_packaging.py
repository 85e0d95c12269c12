"""The wheel, installed away from the checkout, does the main job."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAPPED = ("configs", "hdl", "mappers", "models", "sweeps", "workloads")
SHIPPED = {".py", ".yaml", ".v", ".typed"}
NOT_SOURCE = shutil.ignore_patterns(
    ".git", ".venv", "build", "dist", "runs", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis", "tests"
)


def run(*command: str | Path, cwd: Path) -> str:
    """What the command prints; on failure the test shows all it said."""
    env = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"{command} exited {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by way of the source archive, as for a release, from a copy, so that no stale build folder takes part."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "source", symlinks=True, ignore=NOT_SOURCE)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", ".", cwd=folder / "source")
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with our wheel; what we depend on is borrowed from this one through its path."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    run(
        *(sys.executable, "-m", "pip", "--python", python, "install"),
        *("--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", wheel),
        cwd=folder,
    )
    # Borrowed folders come after our own, and a .pth file in them is not followed: the editable install stays unseen.
    (site_packages(folder) / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def site_packages(environment: Path) -> Path:
    (folder,) = environment.glob("lib/python*/site-packages")
    return folder


def test_the_wheel_holds_all_of_archsim_and_nothing_else(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    sources = {Path("archsim"): ROOT / "archsim", **{Path("archsim") / name: ROOT / name for name in MAPPED}}
    wanted = set()
    for package, folder in sources.items():
        for path in folder.rglob("*"):
            inside = path.relative_to(folder)
            through_link = folder == ROOT / "archsim" and inside.parts[0] in MAPPED
            measured = package == Path("archsim/hdl") and path.suffix == ".json"
            published = inside.parts[:2] == ("api", "papers") and path.suffix == ".csv"
            if (path.suffix in SHIPPED or measured or published) and path.is_file() and not through_link:
                wanted.add((package / inside).as_posix())
    assert held == wanted


def test_only_archsim_is_installed(environment: Path) -> None:
    names = {path.name for path in site_packages(environment).iterdir()}
    assert {name for name in names if not name.startswith("archsim-")} == {"archsim", "borrowed.pth"}


def test_archsim_comes_from_the_wheel(environment: Path, tmp_path: Path) -> None:
    code = "import archsim, archsim.models, archsim.core.errors as e; print(archsim.__path__[0], e.__file__)"
    home, errors = run(environment / "bin" / "python", "-c", code, cwd=tmp_path).split()
    assert Path(home).parent == site_packages(environment)
    assert Path(errors).is_relative_to(home)


def test_the_main_job_runs_from_the_wheel(environment: Path, tmp_path: Path) -> None:
    out = run(
        *(environment / "bin" / "archsim", "run", "pim-gpt", "gpt2-small"),
        *("--phase", "generate", "--prompt", "1", "--generate", "4", "--json"),
        cwd=tmp_path,
    )
    report = json.loads(out)
    assert report["schema"] == "archsim.report/1"
    assert (report["design"], report["workload"], report["phase"]) == ("pim-gpt", "gpt2-small", "generate")
    assert report["tokens"] == 4
    assert report["seconds"] >= report["lower_bound_seconds"] > 0
