"""What notebooks and the command line share: load, run, map, compare, sweep."""

from __future__ import annotations

from archsim.api.cases import load_workload
from archsim.api.comparing import compare
from archsim.api.designs import load_design
from archsim.api.mapping import map_
from archsim.api.running import run
from archsim.api.studies import sweep
from archsim.api.studyfile import load_study

__all__ = ["compare", "load_design", "load_study", "load_workload", "map_", "run", "sweep"]
