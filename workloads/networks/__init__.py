"""Whole networks as graphs of tensors, built from layer shapes: what residency is planned for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from archsim.core.errors import UnknownName
from archsim.ir.tensorgraph import TensorGraph
from archsim.workloads.networks import attention, cells, mobile, pnasnet, resnets, video
from archsim.workloads.networks.build import Net
from archsim.workloads.networks.decoder import UNIT, decoder

__all__ = ["HUMAN", "NETWORKS", "SEARCHED", "UNIT", "decoder", "network", "parameters"]

HUMAN: Mapping[str, Callable[[Net], None]] = {
    "resnet50": resnets.resnet50,
    "densenet121": resnets.densenet121,
    "resnext50": resnets.resnext50,
    "r2plus1d18": video.r2plus1d18,
    "s3d": video.s3d,
    "fcn-resnet50": resnets.fcn_resnet50,
    "lraspp-mobilenetv3": mobile.lraspp_mobilenetv3,
    "deeplabv3-resnet50": resnets.deeplabv3_resnet50,
    "transformer": attention.transformer,
    "vit-b16": attention.vit_b16,
}
"""The ten networks that people designed of COSMA's evaluation (arXiv 2311.18246)."""
SEARCHED: Mapping[str, Callable[[Net], None]] = {
    "darts": cells.darts,
    "nasnet-a": cells.nasnet_a,
    "amoebanet-a": cells.amoebanet_a,
    "pnasnet-5": pnasnet.pnasnet5,
}
"""Networks that architecture search found."""
NETWORKS = {**HUMAN, **SEARCHED}


def network(name: str, *, weights: bool = False) -> TensorGraph:
    """A network by name: activations of one input, one byte per element.

    Parameters
    ----------
    name
        One of `NETWORKS`.
    weights
        Whether weights are tensors too; without, they are streamed from memory as they are used.

    Raises
    ------
    BadInput
        No such network.
    """
    return _built(name, weights=weights).graph()


def parameters(name: str) -> int:
    """Weight elements of a network, without biases and norms."""
    return _built(name, weights=False).parameters


def _built(name: str, *, weights: bool) -> Net:
    if name not in NETWORKS:
        raise UnknownName("network", name, NETWORKS)
    net = Net(name, weights=weights)
    NETWORKS[name](net)
    return net
