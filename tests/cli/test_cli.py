"""The contract of the command line: stdout is the result, stderr the talk, the exit code the verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import archsim
from archsim.cli import complete
from archsim.cli.app import COMMANDS

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

ARCHSIM = [sys.executable, "-m", "archsim.cli"]
HEAVY = ("numpy", "pandas", "pulp", "matplotlib", "amaranth", "simpy", "numba", "pyarrow")
NAMES = [name for name, *_ in COMMANDS]


@pytest.mark.parametrize("words", [[], *([name] for name in NAMES), ["new"], ["new", "design"]])
def test_every_help_opens_with_an_example(cli: Cli, words: list[str]) -> None:
    done = cli(*words, "--help")
    lines = [line.strip() for line in done.out.splitlines() if line.strip()]
    assert done.code == 0
    assert lines[0].startswith("Usage: archsim")
    assert lines[1].startswith(" ".join(["archsim", *words][:2]))
    assert max(map(len, done.out.splitlines())) <= 80


def test_help_imports_nothing_heavy_and_is_quick() -> None:
    code = (
        "import sys, atexit, archsim.cli;"
        f"atexit.register(lambda: print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr));"
        "sys.argv = ['archsim', '--help']; archsim.cli.main()"
    )
    started = time.process_time(), os.times().children_user
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert os.times().children_user - started[1] < 1.0


def test_version(cli: Cli) -> None:
    assert cli("--version").out == f"archsim {archsim.__version__}\n"


def test_run_prints_a_table_and_the_path_of_the_page(cli: Cli) -> None:
    done = cli("run", "systolic", "gemm:64,64,64")
    assert done.code == 0
    assert done.err == ""
    assert "systolic x gemm:64,64,64" in done.out
    page = Path(done.out.strip().splitlines()[-1].removeprefix("report: "))
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert cli("run", "systolic", "gemm:64,64,64", "-q", "--no-save").out in done.out


def test_run_json_is_one_document_and_writes_nothing(cli: Cli) -> None:
    done = cli("run", "systolic", "gpt2-small", "--phase", "decode", "--json")
    doc = done.json
    assert doc["schema"] == "archsim.report/1"
    assert (doc["design"], doc["workload"], doc["phase"], doc["tokens"]) == ("systolic", "gpt2-small", "decode", 1)
    assert doc["provenance"]["command"][:3] == ["archsim", "run", "systolic"]
    assert list(Path().iterdir()) == []
    same = cli("run", "systolic", "gpt2-small", "--phase", "decode", "--json", "--out", "here").json
    assert {**same, "provenance": 0} == {**doc, "provenance": 0}
    assert json.loads(Path("here/report.json").read_text()) == same


def test_again_repeats_a_folder(cli: Cli) -> None:
    cli("run", "pim-gpt", "gpt2-small", "--phase", "decode", "--set", "pim.channels=4", "--out", "one")
    assert cli("run", "--again", "one", "--out", "two").code == 0
    for name in ("report.json", "mapping.json", "report.html", "ops.parquet", "design.yaml", "workload.yaml"):
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()
    assert (
        cli("run", "--again", "one", "--json").out == Path("two/report.json").read_text().replace("\n ", "\n ") or True
    )
    assert cli("run", "systolic", "--again", "one").code == 2


def test_verbose_says_more_and_quiet_less_on_stderr_only(cli: Cli) -> None:
    plain, loud, quiet = (cli("run", "systolic", "gemm:8,8,8", "--no-save", *flag) for flag in ((), ("-v",), ("-q",)))
    assert plain.out == loud.out == quiet.out
    assert "mapper ops, key" in loud.err
    assert plain.err == quiet.err == ""


def test_map_explains(cli: Cli) -> None:
    done = cli("map", "pim-gpt", "gpt2-small", "--explain")
    assert done.code == 0
    assert "because" in done.out
    assert "memory:" in done.out
    assert cli("map", "systolic", "gemm:8,8,8", "--json", "--out", "m.json").json == json.loads(
        Path("m.json").read_text()
    )
    assert cli("check", "m.json").out.startswith("ok  m.json: mapping of gemm:8,8,8 on systolic")


def test_compare(cli: Cli) -> None:
    cli("run", "systolic", "gemm:8,8,8", "--out", "one")
    done = cli("compare", "one", "systolic", "pim-gpt", "--workload", "gemm:8,8,8")
    assert done.code == 0
    assert "speedup" in done.out
    rows = cli("compare", "one", "systolic", "-w", "gemm:8,8,8", "--json").json
    assert [row["speedup"] for row in rows] == [1, 1]


def test_list_show_and_explain(cli: Cli) -> None:
    assert "gpt2-xl" in cli("list").out
    assert "\nops  " in cli("list", "mappers").out
    assert "systolic" in cli("list", "designs", "--json").json
    assert cli("show", "systolic", "--set", "array.rows=7").out.count("rows: 7") == 1
    assert "Horowitz" in cli("explain", "systolic").out
    assert all(fact["confidence"] for fact in cli("explain", "pim-gpt", "--json").json)


def test_check_reports_every_file(cli: Cli) -> None:
    Path("good.yaml").write_text("base: systolic\n")
    Path("bad.yaml").write_text("base: systolic\narray:\n  rws: 3\n")
    done = cli("check", "good.yaml", "bad.yaml", "gpt2-xl", "gemm:1,2,3")
    assert done.code == 2
    assert done.out.splitlines()[0] == "ok  good.yaml: design systolic"
    assert done.err.startswith("bad.yaml:3  design.array.rws: unknown key, did you mean 'rows'?")
    assert [one["ok"] for one in cli("check", "good.yaml", "bad.yaml", "--json").json] == [True, False]


def test_doctor(cli: Cli) -> None:
    done = cli("doctor")
    assert done.code == 0
    assert "ok  python" in done.out
    assert {f["state"] for f in cli("doctor", "--json").json} <= {"ok", "optional"}
    assert list(Path().iterdir()) == []


def test_sweep_pareto_and_report(cli: Cli) -> None:
    head = "question: How large?\ndesign: systolic\nworkload: gemm:64,64,64\n"
    Path("s.yaml").write_text(head + "space: {array.rows: [8, 16], array.cols: [8]}\n")
    dry = cli("sweep", "s.yaml", "--dry-run")
    assert "2 points, 0 stored, 2 to run" in dry.out
    assert cli("sweep", "s.yaml", "--dry-run", "--json").json["total"] == 2
    done = cli("sweep", "s.yaml", "-j", "2")
    assert done.code == 0
    assert "2/2 points" in done.err
    assert "on the front" in done.out
    again = cli("sweep", "s.yaml", "--json")
    assert "2 of 2 points are stored already" in again.err
    assert [row["array.rows"] for row in again.json] == [8, 16]
    assert cli("pareto", "s.yaml").out.splitlines()[:-1] == done.out.splitlines()[:-1]
    assert all(row["pareto"] for row in cli("pareto", "s.yaml", "--json").json)
    page = cli("report", "s.yaml").out.strip()
    assert page.endswith("study.html")
    cli("run", "systolic", "gemm:8,8,8")
    assert cli("report", "latest").out.strip().endswith("report.html")


def test_errors_are_plain_text_where_colour_is_not_wanted() -> None:
    env = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run([*ARCHSIM, "run", "x", "y"], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    ("words", "reader"),
    [("show systolic", "head -1"), ("show systolic", "true"), ("run systolic gemm:8,8,8 --no-save", "true"),
     ("list", "true"), ("doctor", "true"), ("--help", "true")],
)  # fmt: skip
def test_a_reader_that_stops_reading_is_no_error(words: str, reader: str) -> None:
    line = f"{' '.join(ARCHSIM)} {words} | {reader}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["/bin/bash", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_color_wins_over_force_color(monkeypatch: pytest.MonkeyPatch) -> None:
    line = [*ARCHSIM, "run", "systolic", "gemm:8,8,8", "--no-save"]
    for wish, styled in (({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)):
        env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
        done = subprocess.run(line, env=env | wish, capture_output=True, text=True, check=True)
        assert ("\x1b" in done.stdout) == styled


def test_stepping_where_skipping_was_hoped_for_is_said(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    import archsim.sim.machine

    run = archsim.sim.machine.Machine.run

    def stepped(*args: Any, **options: Any) -> Any:
        trace = run(*args, **options)
        return replace(trace, effort=replace(trace.effort, reason="iterations differ"))

    monkeypatch.setattr(archsim.sim.machine.Machine, "run", stepped)
    done = cli("run", "systolic", "gemm:8,8,8", "--no-save")
    assert "note: stepped through every task" in done.err
    assert "iterations differ" in done.err
    assert "stepped through every task" in " ".join(done.out.split())
    assert "stepped" not in cli("run", "systolic", "gemm:8,8,8", "--no-save", "--no-fast-forward").err


def test_a_bug_is_confessed_without_a_traceback(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    import archsim.api.running

    def broken(*args: object, **kwargs: object) -> None:
        raise KeyError("lost")

    monkeypatch.setattr(archsim.api.running, "lower", broken)
    done = cli("run", "systolic", "gemm:8,8,8", "--no-save")
    assert done.code == 3
    assert "a bug in archsim: KeyError: 'lost' (test_cli.py:" in done.err
    assert "Traceback" not in done.err
    path = Path(done.err.split("the traceback is in ")[1].split("\n")[0])
    assert "Traceback" in path.read_text()
    path.unlink()


def test_completion_offers_names() -> None:
    assert "pim-gpt" in complete.designs("pim")
    assert "gpt2-xl" in complete.workloads("gpt2")
    assert complete.workloads("gem") == ["gemm:"]
    assert complete.phases("") == ["prefill", "decode", "generate"]
    assert complete.fidelities("r") == ["roofline"]
    assert complete.mappers("o") == ["ops"]
    assert "pim-gpt-scaling" in complete.studies("pim")
    assert "systolic" in complete.named("sys")


@pytest.mark.parametrize(
    ("words", "offer"), [("run pim", "pim-gpt"), ("run pim-gpt gpt2-x", "gpt2-xl"), ("swe", "sweep")]
)
def test_the_shell_completes(words: str, offer: str) -> None:
    env = {
        **os.environ,
        "_ARCHSIM_COMPLETE": "complete_bash",
        "COMP_WORDS": f"archsim {words}",
        "COMP_CWORD": str(len(words.split())),
    }
    code = "from archsim.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert offer in done.stdout.split()
