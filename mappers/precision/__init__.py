"""Precision: how many bits each layer gets under an error budget given by the user."""

from archsim.mappers.precision.solve import Precision, choose_precision
from archsim.mappers.precision.table import Layer, Option, PrecisionTable, read_table

__all__ = ["Layer", "Option", "Precision", "PrecisionTable", "choose_precision", "read_table"]
