"""Run folders: everything needed to read, redraw and repeat a run, written whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from archsim.core.errors import BadInput
from archsim.core.files import write_atomic
from archsim.ir.report import SCHEMA
from archsim.report.document import ReportDoc
from archsim.report.html import report_page
from archsim.report.tables import ops_csv, ops_parquet

RUN_SCHEMA = "archsim.run/1"
FILES = (
    "manifest.json",
    "design.yaml",
    "workload.yaml",
    "mapping.json",
    "report.json",
    "ops.parquet",
    "ops.csv",
    "timeline.json.gz",
    "report.html",
)
"""Every file a run folder may hold; the manifest says whether the run is a result."""


def runs_base() -> Path:
    """Where runs go: the folder named by ARCHSIM_RUNS, else `runs` here."""
    return Path(os.environ.get("ARCHSIM_RUNS") or "runs")


def stamp(moment: datetime | None = None) -> str:
    """UTC to the second, as a folder name that sorts by time: `2026-11-22T02-23-11Z`."""
    return (moment or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")


def run_name(design: str, workload: str, key: str) -> str:
    """The part of a folder's name after the stamp; paths and operators become plain words, `key` is cut to 8 digits.

    >>> run_name("my/edge.yaml", "gemm:128,768,768", "1f3c9a7e55d0a1b2")
    'edge-gemm-128-768-768-1f3c9a7e'
    """
    return "-".join((_slug(design), _slug(workload), key[:8]))


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run folder being filled. Until `save` returns, its manifest says "running": it is no result yet."""

    path: Path
    made: bool
    """Whether this run made the folder, and so may remove it."""
    latest: Path | None
    """The link that points to the newest run of this base; None where the user chose the folder."""

    @classmethod
    def create(
        cls, *, stamp: str, name: str, out: str | os.PathLike[str] | None = None, base: Path | None = None
    ) -> RunFolder:
        """Make the folder before the simulation starts, so that a folder that cannot be written is known at once.

        `out` is taken as it is; otherwise the folder is `<base>/<stamp>-<name>`, and `base` is `runs_base()`.

        Raises
        ------
        BadInput
            The folder cannot be made or written, or `out` holds files named like a run's that no run wrote.
        """
        if out is not None:
            folder = cls(Path(out), made=_make(Path(out)), latest=None)
            _refuse_strangers(folder.path)
        else:
            base = base or runs_base()
            folder = cls(_make_new(base, f"{stamp}-{name}"), made=True, latest=base / "latest")
        try:
            for file in FILES:  # an earlier run's files would pass for this run's
                (folder.path / file).unlink(missing_ok=True)
            folder._write("manifest.json", _json({"schema": RUN_SCHEMA, "status": "running"}))
        except (BadInput, OSError) as error:
            folder.discard()
            raise _unwritable(folder.path, error) from error
        return folder

    def save(
        self,
        report: ReportDoc,
        *,
        design_yaml: str,
        workload_yaml: str,
        mapping: Mapping[str, object],
        manifest: Mapping[str, object],
        timeline: bytes | None = None,
        html: bool = True,
    ) -> Path:
        """Write all files, the manifest last with status "done", and point `latest` here. Returns the folder.

        Raises
        ------
        BadInput
            A file cannot be written (disk full, no permission). What was written is removed again.
        """
        try:
            self._write("design.yaml", design_yaml)
            self._write("workload.yaml", workload_yaml)
            self._write("mapping.json", _json(mapping))
            self._write("ops.parquet", ops_parquet(report))
            self._write("ops.csv", ops_csv(report))
            if timeline is not None:
                self._write("timeline.json.gz", timeline)
            self._write("report.json", _json(report))
            if html:
                self._write("report.html", report_page(report))
            self._write("manifest.json", _json({"schema": RUN_SCHEMA, **manifest, "status": "done"}))
        except (BadInput, OSError) as error:
            self.discard()
            raise _unwritable(self.path, error) from error
        except BaseException:
            self.discard()
            raise
        if self.latest is not None:
            _point(self.latest, self.path)
        return self.path

    def discard(self) -> None:
        """Remove what this run wrote: the folder if it made it, else its files."""
        if self.made:
            shutil.rmtree(self.path, ignore_errors=True)
            return
        for file in FILES:
            with suppress(OSError):
                (self.path / file).unlink()

    def _write(self, name: str, content: str | bytes) -> None:
        write_atomic(self.path / name, content)


def find_report(run: str | os.PathLike[str], *, base: Path | None = None) -> Path:
    """The `report.json` of a run given as folder, as that file, as the name of a folder in `base`, or as `latest`.

    Raises
    ------
    BadInput
        There is no such run, or it never finished.
    """
    base = base or runs_base()
    given = Path(run)
    path = base / given if not given.exists() and not given.is_absolute() else given
    if path.is_dir():
        _refuse_unfinished(path)
        path = path / "report.json"
    if not path.is_file():
        raise BadInput(f"no run at {os.fspath(run)!r}", right=_known(base), try_="archsim run DESIGN WORKLOAD")
    return path


def load_report(run: str | os.PathLike[str], *, base: Path | None = None) -> ReportDoc:
    """The report of a stored run, to draw or compare again. Takes what `find_report` takes.

    Raises
    ------
    BadInput
        There is no such run, it never finished, or the file is not a report this version reads.
    """
    path = find_report(run, base=base)
    try:
        doc = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(
            f"cannot be read: {error}", where=str(path), right="a report.json written by archsim run"
        ) from error
    schema = doc.get("schema") if isinstance(doc, dict) else None
    if schema != SCHEMA:
        raise BadInput(f"schema is {schema!r}", where=str(path), right=f"this version reads {SCHEMA!r}")
    report: ReportDoc = doc
    return report


def redraw(run: str | os.PathLike[str], *, base: Path | None = None) -> Path:
    """Draw the page of a stored run again, beside its `report.json`. Returns the page."""
    path = find_report(run, base=base)
    page = path.with_name("report.html")
    write_atomic(page, report_page(load_report(path)))
    return page


def _slug(name: str) -> str:
    stem = re.sub(r"\.(yaml|yml|py)\b", "", name.replace("\\", "/").rsplit("/", 1)[-1])
    return re.sub(r"[^A-Za-z0-9._]+", "-", stem).strip("-.")[:48] or "run"


def _make(path: Path) -> bool:
    """Make the folder if it is not there; tells whether it did."""
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        if not path.is_dir():
            raise BadInput("is a file", where=str(path), right="--out names a folder", try_="--out ANOTHER") from None
        return False
    except OSError as error:
        raise _unwritable(path, error) from error
    return True


def _make_new(base: Path, name: str) -> Path:
    """Make a folder of this name, or with a number behind it where two runs start within a second."""
    path, attempt = base / name, 1
    while not _make(path):
        attempt += 1
        path = base / f"{name}-{attempt}"
    return path


def _refuse_strangers(path: Path) -> None:
    taken = [name for name in FILES if (path / name).exists()]
    if taken and not _is_run(path):
        raise BadInput(
            f"holds {', '.join(taken)}, not written by archsim",
            where=str(path),
            right="an empty folder, a new one, or an earlier run's folder, which is replaced",
            try_="--out ANOTHER",
        )


def _is_run(path: Path) -> bool:
    return _manifest(path).get("schema") == RUN_SCHEMA


def _manifest(path: Path) -> dict[str, object]:
    try:
        manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def _refuse_unfinished(path: Path) -> None:
    status = _manifest(path).get("status")
    if status not in {None, "done"}:
        tries = ("run it again", "archsim report latest")
        raise BadInput(f"this run never finished (status {status!r})", where=str(path), try_=tries)


def _known(base: Path) -> str:
    found = sorted(
        (path.parent.name for path in base.glob("*/report.json") if path.parent.name != "latest"), reverse=True
    )
    return f"runs in {base}: {', '.join(found[:5])}" if found else f"no runs in {base}"


def _point(link: Path, target: Path) -> None:
    """Replace the link in one step. A result is complete without it, so where links cannot be made there is none."""
    if link.exists() and not link.is_symlink():
        return
    half = link.with_name(f".{link.name}.{os.getpid()}.tmp")
    with suppress(OSError):
        half.unlink(missing_ok=True)
        half.symlink_to(target.name, target_is_directory=True)
        half.replace(link)
    with suppress(OSError):
        half.unlink(missing_ok=True)


def _unwritable(path: Path, error: BadInput | OSError) -> BadInput:
    kept = "nothing of this run was kept"
    if isinstance(error, BadInput):
        return BadInput(error.what, where=error.where or str(path), right=kept, try_=error.tries)
    reason = (error.strerror or type(error).__name__).lower()
    tries = (f"make {path.parent} writable", "another folder with --out DIR or ARCHSIM_RUNS=DIR")
    return BadInput(f"cannot write: {reason}", where=str(path), right=kept, try_=tries)


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False, default=str) + "\n"
