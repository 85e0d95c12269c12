"""A cycle-level simulator for transformer accelerators: one workload, one mapping language, one clock, one report.

>>> import archsim
>>> report = archsim.run("systolic", "gemm:128,768,768", set={"array.rows": 32, "array.dataflow": "ws"})
>>> report.cycles
45792

Names are imported when they are first used, so that ``import archsim`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from archsim.api.cases import load_workload as load_workload
    from archsim.api.comparing import compare as compare
    from archsim.api.designs import load_design as load_design
    from archsim.api.mapping import map_ as map
    from archsim.api.running import run as run
    from archsim.api.studies import sweep as sweep
    from archsim.core.errors import ArchsimError as ArchsimError
    from archsim.core.errors import BadInput as BadInput
    from archsim.core.errors import DoesNotFit as DoesNotFit
    from archsim.core.errors import Infeasible as Infeasible
    from archsim.core.quantities import Bandwidth as Bandwidth
    from archsim.core.quantities import BitRate as BitRate
    from archsim.core.quantities import Bytes as Bytes
    from archsim.core.quantities import Current as Current
    from archsim.core.quantities import Energy as Energy
    from archsim.core.quantities import Frequency as Frequency
    from archsim.core.quantities import Power as Power
    from archsim.core.quantities import Time as Time
    from archsim.core.quantities import Voltage as Voltage
    from archsim.core.spec import Spec as Spec
    from archsim.dse.study import Study as Study
    from archsim.ir.component import Component as Component
    from archsim.ir.component import Cost as Cost
    from archsim.ir.component import Design as Design
    from archsim.ir.component import MainMemory as MainMemory
    from archsim.ir.component import OpCall as OpCall
    from archsim.ir.graph import Graph as Graph
    from archsim.ir.graph import Op as Op
    from archsim.ir.mapper import Mapper as Mapper
    from archsim.ir.mapping import Mapping as Mapping
    from archsim.ir.report import Fact as Fact
    from archsim.ir.report import Report as Report
    from archsim.ir.workload import Workload as Workload
    from archsim.units.systolic import Systolic as Systolic

_HOMES = {
    "archsim.api.cases": ("load_workload",),
    "archsim.api.comparing": ("compare",),
    "archsim.api.designs": ("load_design",),
    "archsim.api.mapping": ("map",),
    "archsim.api.running": ("run",),
    "archsim.api.studies": ("sweep",),
    "archsim.core.errors": ("ArchsimError", "BadInput", "DoesNotFit", "Infeasible"),
    "archsim.core.quantities": (
        "Bandwidth",
        "BitRate",
        "Bytes",
        "Current",
        "Energy",
        "Frequency",
        "Power",
        "Time",
        "Voltage",
    ),
    "archsim.core.spec": ("Spec",),
    "archsim.dse.study": ("Study",),
    "archsim.ir.component": ("Component", "Cost", "Design", "MainMemory", "OpCall"),
    "archsim.ir.graph": ("Graph", "Op"),
    "archsim.ir.mapper": ("Mapper",),
    "archsim.ir.mapping": ("Mapping",),
    "archsim.ir.report": ("Fact", "Report"),
    "archsim.ir.workload": ("Workload",),
    "archsim.units.systolic": ("Systolic",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022 (verbs first, then nouns)
    "compare",
    "load_design",
    "load_workload",
    "map",
    "run",
    "sweep",
    "ArchsimError",
    "BadInput",
    "Bandwidth",
    "BitRate",
    "Bytes",
    "Component",
    "Cost",
    "Current",
    "Design",
    "DoesNotFit",
    "Energy",
    "Fact",
    "Frequency",
    "Graph",
    "Infeasible",
    "MainMemory",
    "Mapper",
    "Mapping",
    "Op",
    "OpCall",
    "Power",
    "Report",
    "Spec",
    "Study",
    "Systolic",
    "Time",
    "Voltage",
    "Workload",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'archsim' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), "map_" if name == "map" else name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
