"""What every vector format shares: a row, how it is compared, and which formats know it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from streaming_worker.core.amm.pool_state import WhirlpoolMarket

Row: TypeAlias = Mapping[str, Any]
Difference: TypeAlias = dict[str, Any]
"""{"expected": ..., "received": ...}"""

Differences: TypeAlias = dict[str, Difference]
"""By field; empty when the row matches."""


@dataclass(slots=True)
class RowContext:
    """What a file's earlier rows left for its later ones: market states by name."""

    markets: dict[str, WhirlpoolMarket] = field(default_factory=dict)


RowCheck: TypeAlias = Callable[[Row, RowContext], Differences]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFormat:
    """One kind of row: which rows it knows, and how it checks them."""

    name: str
    knows: Callable[[Row], bool]
    check: RowCheck


def differences(expected: Mapping[str, Any], received: Mapping[str, Any]) -> Differences:
    """Compare field by field; integers and their decimal text are the same value, a field on one side only differs."""
    found: Differences = {}
    for name in sorted(expected.keys() | received.keys()):
        wanted, got = _plain(expected.get(name)), _plain(received.get(name))
        if wanted != got:
            found[name] = {"expected": wanted, "received": got}
    return found


def difference(name: str, expected: object, received: object) -> Differences:
    """Return one named difference."""
    return {name: {"expected": expected, "received": received}}


def _plain(value: object) -> object:
    """Return a value with its integers as text, as the vectors write large ones."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
