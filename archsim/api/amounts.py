"""Amounts of bytes as people write them in options."""

from __future__ import annotations

import re

from archsim.core.errors import BadInput
from archsim.core.quantities import Bytes


def bytes_of(text: str | int, where: str = "--capacity", *, right: str = "bytes, or an amount such as '1 MiB'") -> int:
    """Bytes from a number, digits, or an amount such as ``1 MiB``.

    Raises
    ------
    BadInput
        It is none of these; `where` is what the message names, `right` what it says would do.
    """
    if not isinstance(text, str):
        return text  # whom the number is for says what is wrong with it
    if re.fullmatch(r"\s*-?[0-9][0-9_]*\s*", text):
        return int(text)
    try:
        return int(Bytes(text))
    except BadInput as error:
        raise BadInput(error.what, where=where, right=right) from None
