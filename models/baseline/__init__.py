"""Processors running eager PyTorch at batch 1, the baselines that published speedups are measured against."""

from archsim.models.baseline.spec import BaselinePower, EagerProcessor, LaunchBound

__all__ = ["BaselinePower", "EagerProcessor", "LaunchBound"]
