"""Machine families, one folder each: what can be set, how it behaves in time, what it costs, published presets."""

from importlib import import_module

FAMILIES = ("baseline", "pim_dram", "spatial", "systolic")
"""The folders here, each of which registers its design kinds when it is imported."""


def register() -> None:
    """Make every family known by its kind. Families are imported here and not above, so that one can be used alone."""
    for family in FAMILIES:
        import_module(f"archsim.models.{family}")
