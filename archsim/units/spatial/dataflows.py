"""All attention dataflows by name."""

from __future__ import annotations

from archsim.core.errors import UnknownName
from archsim.units.spatial import flash, flat, onepass, sparse, splitkv_arrays, unfused
from archsim.units.spatial.dataflow import Dataflow

_ALL: tuple[Dataflow, ...] = (
    *onepass.DATAFLOWS,
    flat.DATAFLOW,
    unfused.DATAFLOW,
    *flash.DATAFLOWS,
    *splitkv_arrays.DATAFLOWS,
    *sparse.DATAFLOWS,
)

DATAFLOWS: dict[str, Dataflow] = {flow.name: flow for flow in _ALL}
"""Name -> dataflow, the published ones first; sparse ones under the sizes of a published model."""


def dataflow(name: str) -> Dataflow:
    """The dataflow of a name, one of `DATAFLOWS` or a sparse one with its sizes: ``window:4096``.

    Raises
    ------
    UnknownName
        There is none of that name.
    BadInput
        A sparse one without proper sizes.
    """
    found = DATAFLOWS.get(name) or sparse.parse(name)
    if found is None:
        raise UnknownName("dataflow", name, DATAFLOWS)
    return found
