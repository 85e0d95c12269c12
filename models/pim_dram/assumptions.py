"""What the PIM DRAM model takes for granted, and what it leaves out."""

from archsim.ir.report import Fact

ASSUMPTIONS = (
    Fact("all-bank activation", "exempt from tRRD and tFAW", "GDDR6-AiM: ACT16 has no window constraint", "stated"),
    Fact(
        "channels",
        "work in step on equal shares; the busiest channel sets time and command counts of all",
        "PIM-GPT mapping",
        "from memory (high)",
    ),
    Fact(
        "refresh",
        "suspends a channel's schedule for tRFC at the next all-bank row opening; never hidden in idle time",
        "archsim",
        "assumed",
    ),
    Fact(
        "global buffer",
        "single; a new segment waits until the last column of the old one is read",
        "GDDR6-AiM",
        "assumed",
    ),
    Fact("token embedding", "read from the output matrix's rows where tied; always a row miss", "archsim", "assumed"),
    Fact(
        "value cache write",
        "one masked burst and one row activation per feature; banks and channels overlap",
        "PIM-GPT",
        "from memory (high)",
    ),
    Fact(
        "single-bank kernels",
        "end with all banks precharged before the next kernel starts",
        "archsim: mode change",
        "assumed",
    ),
    Fact("first norm", "its gains are in the scratchpad when the run starts", "archsim", "assumed"),
    Fact("clock domains", "crossed without synchroniser latency", "archsim", "assumed"),
    Fact(
        "controller",
        "one vector function at a time, in program order; SRAM bandwidth never limits",
        "archsim",
        "assumed",
    ),
    Fact(
        "not modelled",
        "command decode and bus energy, standby of the interface (aim_simulator: 0.65 W per two channels), "
        "host transfers, range reduction before the series of exp, sampling beyond argmax, "
        "temperature-dependent refresh",
        "-",
        "stated",
    ),
)
