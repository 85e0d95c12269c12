"""From 45 nm to other nodes: Stillmaker and Baas, Integration 58, 2017.

Energy of a gate is a V^2 + b V + c at a supply voltage V. The coefficients and area factors are those of the paper as
PyPI hwcomponents 1.0.114 (scaling/techscaling.py) has them [stated]. They come from transistor models; measured chips
gained two to five times less (Jouppi et al., ISCA 2021).
"""

from __future__ import annotations

from collections.abc import Mapping

VOLTAGE = 0.8
"""Volts at which all nodes are compared."""
BASE = 45
"""Node that the constants are given for, in nm."""
COEFFICIENTS: Mapping[int, tuple[float, float, float]] = {
    45: (1.103, -0.362, 0.2767),
    32: (0.9559, -0.7823, 0.471),
    20: (0.373, -0.1582, 0.04104),
    16: (0.2958, -0.1241, 0.03024),
    14: (0.2363, -0.09675, 0.02239),
    10: (0.2068, -0.09311, 0.02375),
    7: (0.1776, -0.09097, 0.02447),
}
"""Node in nm -> a, b, c."""
AREAS: Mapping[int, float] = {45: 1.0, 32: 0.46, 20: 0.21, 16: 0.19, 14: 0.17, 10: 0.10, 7: 0.059}
"""Node in nm -> area beside 45 nm."""


def energy_scale(node: int) -> float:
    """Energy of a gate at this node over that at 45 nm, both at 0.8 V."""
    return _energy(node) / _energy(BASE)


def _energy(node: int) -> float:
    a, b, c = COEFFICIENTS[node]
    return a * VOLTAGE**2 + b * VOLTAGE + c
