"""One systolic array behind one memory port: the plain NPU that everything else is compared with."""

from archsim.models.systolic.spec import SystolicDesign

__all__ = ["SystolicDesign"]
