"""Checked values to shadow balances and the ways between them."""

from streaming_worker.config.document import Document, Row
from streaming_worker.core.instrument import Venue
from streaming_worker.core.inventory import Allocation, Inventory
from streaming_worker.core.rebalancing import RebalancingSettings, TransferRoute, check_routes
from streaming_worker.core.units import NANOS_PER_SECOND

_NANOS_PER_MINUTE = 60 * NANOS_PER_SECOND


def allocations(document: Document) -> tuple[Allocation, ...]:
    """Return the configured balances. Raises ConfigError for one that stands there twice."""
    lines = tuple(
        Allocation(
            venue=Venue(_text(row, "venue")),
            asset=_text(row, "asset"),
            initial_e8=_whole(row, "initial"),
            target_e8=_whole(row, "target"),
            low_e8=_whole(row, "low"),
        )
        for row in document.rows["allocations"]
    )
    Inventory.of(lines)
    return lines


def rebalancing(document: Document) -> RebalancingSettings:
    """Return how balances are brought back. Raises ConfigError for a transfer that cannot be."""
    routes = tuple(_route(row) for row in document.rows["transfers"])
    check_routes(routes)
    return RebalancingSettings(
        routes=routes,
        band_millionths=document.integer("rebalancing.band_percent"),
        is_automatic=document.values["rebalancing.automatic"] is True,
    )


def _route(row: Row) -> TransferRoute:
    return TransferRoute(
        source=Venue(_text(row, "source")),
        destination=Venue(_text(row, "destination")),
        asset=_text(row, "asset"),
        fixed_fee_e8=_whole(row, "fixed_fee"),
        fee_millionths=_whole(row, "fee_percent"),
        duration_ns=_whole(row, "minutes") * _NANOS_PER_MINUTE,
        minimum_e8=_whole(row, "minimum"),
        typical_e8=_whole(row, "typical"),
        terms=_text(row, "terms"),
        credited_as=None if row["credited_as"] is None else _text(row, "credited_as"),
    )


def _text(row: Row, name: str) -> str:
    value = row[name]
    assert isinstance(value, str)
    return value


def _whole(row: Row, name: str) -> int:
    value = row[name]
    assert isinstance(value, int)
    return value
