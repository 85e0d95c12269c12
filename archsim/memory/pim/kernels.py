"""Named kernels of PIM memories: what ``archsim dram DEVICE --pattern gemv:4096x4096`` builds, by name and standard.

Help, listings and errors are made from this table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archsim.core.errors import BadInput, NameTaken, some
from archsim.memory.pim import builders

if TYPE_CHECKING:
    from archsim.memory.device import Dram
    from archsim.memory.pim.run import Work


@dataclass(frozen=True)
class Kernel:
    """A computation that devices of one standard can be asked for by name."""

    form: str
    """Name and sizes as they are written, ``gemv:OUTxIN``; those in brackets may be left out. FILE is a path."""
    standard: str
    meaning: str
    """One line for people."""
    device: str
    """A bundled memory that has it."""
    example: str
    """One that runs on that memory."""
    build: Callable[..., Work]
    """Called with the device, then the sizes or the path."""

    @property
    def name(self) -> str:
        """What comes before the colon."""
        return self.form.partition(":")[0]

    def work(self, text: str, device: Dram) -> Work:
        """What a pattern such as ``gemv:64x64`` asks a device for.

        Raises
        ------
        BadInput
            Its sizes are not of the form, or the device cannot do it; names the pattern and what is right.
        """
        given = text.partition(":")[2]
        if self.form.endswith(":FILE"):
            from archsim.memory.requests import file_of

            return self.build(device, file_of(text))
        try:
            self._organised(device)
            return self.build(device, *self._sizes(given))
        except BadInput as error:
            error.where = error.where or f"pattern {text}"
            raise

    def _organised(self, device: Dram) -> None:
        """Raise unless a row and the banks are those that the builder lays its data out for."""
        for name, wanted in LAID_OUT.get(self.standard, {}).items():
            if (found := getattr(device, name)) != wanted:
                right = f"{wanted}: the layout of {self.name} on {self.standard} is made for it"
                raise BadInput(f"{name.replace('_', ' ')}: {found}", right=right)

    def _sizes(self, given: str) -> tuple[int, ...]:
        """The numbers between the crosses."""
        sizes = self.form.partition(":")[2]
        least, most = sizes.partition("[")[0].count("x") + 1, sizes.count("x") + 1
        numbers = given.split("x") if given else []
        right = f"{self.form}, such as {self.example}"
        if not least <= len(numbers) <= most:
            raise BadInput(f"has {len(numbers)} size{'s' * (len(numbers) != 1)}", right=right)
        for number in numbers:
            if not number.isdecimal() or int(number) < 1:
                raise BadInput(f"{number!r} is not a size of 1 or more", right=right)
        return tuple(map(int, numbers))


LAID_OUT: Mapping[str, Mapping[str, int]] = {
    "hbm2-pim": {"groups": 4, "banks": 4, "row_bytes": 1024, "request_bytes": 32},
    "hbm3-attacc": {"ranks": 1, "groups": 8, "banks": 4, "row_bytes": 2048, "request_bytes": 64},
}
"""Standard -> what its builders take for granted of a device; the others ask the device."""

KERNELS: list[Kernel] = []
"""Every kernel of every standard; `add` adds one."""


def add(kernel: Kernel) -> None:
    """Make a kernel known.

    Raises
    ------
    NameTaken
        Its standard has one of this name.
    """
    if any((one.name, one.standard) == (kernel.name, kernel.standard) for one in KERNELS):
        right = "one kernel of a name per standard"
        raise NameTaken(f"kernel {kernel.name!r} of {kernel.standard} is taken", right=right)
    KERNELS.append(kernel)


def of_standard(standard: str) -> tuple[Kernel, ...]:
    """The kernels of a standard; none for a memory that only stores."""
    return tuple(kernel for kernel in KERNELS if kernel.standard == standard)


def find(text: str, standard: str) -> Kernel | None:
    """The kernel that a pattern names; None if no standard has a kernel of this name.

    Raises
    ------
    BadInput
        Other standards have it and this one has not; says which memories do.
    """
    having = {kernel.standard: kernel for kernel in KERNELS if kernel.name == text.partition(":")[0]}
    if not having or standard in having:
        return having.get(standard)
    own = [kernel.form for kernel in of_standard(standard)]
    name, several = next(iter(having.values())).name, "s" * (len(having) > 1)
    right = f"{name} is a kernel of the standard{several} {', '.join(sorted(having))}"
    right += f"\n{standard} has {some(own)}" if own else ""
    tries = tuple(f"archsim dram {one.device} --pattern {one.example}" for one in list(having.values())[:2])
    raise BadInput(f"pattern {text!r}: {standard} has no kernel of this name", right=right, try_=tries)


def listing() -> dict[str, str]:
    """Form -> what it computes, and bundled memories that can: `archsim list kernels`."""
    devices: dict[str, list[str]] = {}
    for kernel in KERNELS:
        devices.setdefault(kernel.form, []).append(kernel.device)
    meanings = {kernel.form: kernel.meaning for kernel in reversed(KERNELS)}
    return {form: f"{meanings[form]} ({', '.join(names)})" for form, names in devices.items()}


_MATRIX = "a matrix of OUT x IN 16-bit numbers times a vector"
_HBM_PIM = ("hbm2-pim", "hbm2-pim-aquabolt")
for _kernel in (
    Kernel("gemv:OUTxIN", "gddr6-aim", _MATRIX, "gddr6-aim", "gemv:4096x4096", builders.aim_gemv),
    Kernel("gemv:OUTxIN", "newton", _MATRIX, "hbm2-newton", "gemv:4096x4096", builders.newton_gemv),
    Kernel("gemv:OUTxIN", _HBM_PIM[0], _MATRIX, _HBM_PIM[1], "gemv:4096x4096", builders.hbm_pim_gemv),
    Kernel(
        "add:N", _HBM_PIM[0], "the sum of two vectors of N fp16", _HBM_PIM[1], "add:524288", builders.elementwise("add")
    ),
    Kernel(
        "mul:N", _HBM_PIM[0], "two vectors, number by number", _HBM_PIM[1], "mul:524288", builders.elementwise("mul")
    ),
    Kernel("relu:N", _HBM_PIM[0], "max(x, 0) of a vector", _HBM_PIM[1], "relu:524288", builders.elementwise("relu")),
    Kernel(
        "attention:HEADSxLENGTH[xDIM]",
        "hbm3-attacc",
        "attention of a new token: HEADS of all requests per stack, LENGTH positions, 128 numbers per head",
        "hbm3-attacc-bank",
        "attention:64x2048",
        builders.attacc_attention,
    ),
    Kernel(
        "attention:HEADSxLENGTH[xDIM[xREQUESTS]]",
        "neupims",
        "attention of a new token: HEADS per request, LENGTH positions each, by default one request per channel",
        "hbm2-neupims",
        "attention:8x256",
        builders.neupims_attention,
    ),
    Kernel(
        "aim:FILE",
        "gddr6-aim",
        "a trace of instructions (ISRs), sent by a host to all channels",
        "gddr6-aim",
        "aim:my.trace",
        builders.aim_file,
    ),
):
    add(_kernel)
