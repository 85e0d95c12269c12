"""Placements that large models ask for: keys and values on channels, experts on devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from archsim.core.errors import BadInput, Infeasible
from archsim.mappers.placement.problem import Item, Unit
from archsim.mappers.placement.solve import SECONDS, Method, Placement, place


def balance_kv(
    contexts: Sequence[int],
    kv_heads: int,
    token_bytes: int,
    channels: int,
    *,
    capacity: int | None = None,
    pieces: int = 1,
    method: Method = "auto",
    seconds: float = SECONDS,
) -> Placement:
    """Spread the keys and values of sequences over channels so that the slowest has least to read in a decode step.

    Parameters
    ----------
    contexts
        Tokens in the cache of each sequence.
    kv_heads
        KV heads, each placed by itself.
    token_bytes
        Bytes of one token's key and value of one head.
    channels
        Channels, all alike.
    capacity
        Bytes of one channel.
    pieces
        Parts into which a head's tokens are cut, as evenly as whole tokens allow: more parts balance better, and their
        results must be merged.
    method, seconds
        As for `place`.

    Raises
    ------
    BadInput
        A count is not positive.
    DoesNotFit, Infeasible
        As for `place`.
    """
    for name, number in (("kv_heads", kv_heads), ("token_bytes", token_bytes), ("channels", channels)):
        _positive(name, number)
    _positive("pieces", pieces)
    items = []
    for sequence, tokens in enumerate(contexts):
        if tokens < 0:
            raise BadInput(f"context {sequence} is {tokens:,}", right="tokens, 0 or more")
        for head in range(kv_heads):
            for piece in range(min(pieces, max(1, tokens))):
                count = tokens // pieces + (piece < tokens % pieces)
                size = count * token_bytes
                items.append(Item(f"sequence {sequence} head {head} part {piece}", size, size))
    return place(items, _alike("channel", channels, capacity), method=method, seconds=seconds)


def place_experts(
    loads: Mapping[str, int] | Sequence[int],
    expert_bytes: int,
    devices: int,
    *,
    capacity: int | None = None,
    spare: int = 0,
    method: Method = "auto",
    seconds: float = SECONDS,
) -> Placement:
    """Spread experts over devices so that the busiest has fewest tokens.

    Parameters
    ----------
    loads
        Tokens of each expert, by name or by number.
    expert_bytes
        Bytes of one expert's weights.
    devices
        Devices, all alike.
    capacity
        Bytes of one device.
    spare
        Additional copies: one after the other of the expert with most tokens per copy. Copies share its tokens and are
        on different devices.
    method, seconds
        As for `place`.

    Raises
    ------
    BadInput
        A number is not right.
    DoesNotFit, Infeasible
        As for `place`.
    """
    named = dict(loads) if isinstance(loads, Mapping) else {f"expert {i}": tokens for i, tokens in enumerate(loads)}
    _positive("devices", devices)
    if spare < 0 or expert_bytes < 0 or min(named.values(), default=0) < 0:
        raise BadInput("a negative number", where="experts", right="loads, bytes and spare copies of 0 or more")
    copies = dict.fromkeys(named, 1)
    for _ in range(spare):
        growing = [name for name in named if copies[name] < devices]
        if not growing:
            raise Infeasible(
                f"{spare} spare copies are more than {devices} devices can hold apart",
                where="spare",
                right=f"at most {len(named) * (devices - 1)}",
                try_="fewer spare copies",
            )
        copies[max(growing, key=lambda name: named[name] / copies[name])] += 1
    items, apart = [], []
    for name, count in copies.items():
        shares = [f"{name} copy {i}" for i in range(count)] if count > 1 else [name]
        items += [Item(share, ceil(named[name] / count), expert_bytes) for share in shares]
        if count > 1:
            apart.append(shares)
    return place(items, _alike("device", devices, capacity), apart=apart, method=method, seconds=seconds)


def _alike(noun: str, count: int, capacity: int | None) -> list[Unit]:
    return [Unit(f"{noun} {index}", capacity) for index in range(count)]


def _positive(name: str, number: int) -> None:
    if number < 1:
        raise BadInput(f"{name} is {number:,}", right="1 or more")
