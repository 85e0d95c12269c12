"""What the spatial array model takes for granted, and what it leaves out."""

from archsim.ir.report import Fact

COSTED_BITS = 16
"""Width of the elements that the energies per operation are of."""
PAPER = "arXiv 2406.10491, FuseMax, MICRO 2024"

ASSUMPTIONS = (
    Fact("tile", "one score per PE; queries lie along columns, keys along rows, heads follow one another", PAPER),
    Fact("operators", "an operation holds its PE for the cycles of `pe`, without a pipeline between operands", PAPER),
    Fact("column reduction", "the last result leaves the foot of a column `rows` cycles after its last operand", PAPER),
    Fact("roofline", "steady state: no fill, no drain, the DRAM at its rate beside the arrays", PAPER),
    Fact(
        "cycle", "every tile's einsums by events, with fill, drain, buffer ports and the DRAM's first word", "archsim"
    ),
    Fact("partial tiles", "cost the arrays a whole tile, the DRAM only their own words", "archsim", "assumed"),
    Fact("clock", "arrays and buffer share one clock; the DRAM's is crossed without delay", "archsim", "assumed"),
    Fact("word", "every element has the same width; the tensors' own types are not looked at", PAPER),
    Fact(
        "word and energy",
        "operators and registers cost what they cost in 16 bits, whatever `word` is: it changes traffic, the buffer "
        "and the area of registers",
        "archsim",
        "assumed",
    ),
    Fact(
        "banks of the buffer",
        "streams of lines conflict at most `ports` - 1 times, then go through the banks in step: not charged",
        "archsim: lines alternate between banks",
        "derived",
    ),
    Fact(
        "not modelled",
        "wires between PEs, the controller, DRAM rows one by one (see dram.efficiency)",
        "archsim",
    ),
)
