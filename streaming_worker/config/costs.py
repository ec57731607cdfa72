"""Checked values to what trades cost besides taker fees, and to the cycles that are looked for."""

from streaming_worker.config.document import Document, Row
from streaming_worker.core.cycle import FeeAsset, cycles_of
from streaming_worker.core.fees import NetworkCost, StableBasis
from streaming_worker.core.instrument import Instrument, Registry, Venue
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.engine.settings import CycleSettings
from streaming_worker.errors import ConfigError

MONEY = "USD"


def network_cost(document: Document) -> NetworkCost:
    """Return what one pool transaction costs."""
    percentile = document.values["network.priority_percentile"]
    assert percentile is None or isinstance(percentile, int)
    return NetworkCost(
        signature_lamports=document.integer("network.signature_lamports"),
        signatures=document.integer("network.signatures"),
        priority_lamports=document.integer("network.priority_lamports"),
        source="configuration",
        revert_share_millionths=document.integer("network.revert_share_percent"),
        priority_percentile=percentile,
        compute_units=document.integer("network.compute_units"),
        max_age_ns=document.integer("network.max_priority_age_seconds") * NANOS_PER_SECOND,
    )


def stable_bases(document: Document, registry: Registry) -> tuple[StableBasis, ...]:
    """Return the stable coins. Raises ConfigError for a book that does not price one."""
    bases = tuple(_stable_basis(row) for row in document.rows["stable_bases"])
    for basis in bases:
        if basis.instrument is None:
            continue
        book = registry.instruments.get(basis.instrument)
        if book is None or (book.base, book.quote) != (basis.asset, basis.against):
            raise ConfigError(
                f"stable_bases: {basis.asset}: expected an instrument of {basis.asset} in {basis.against}, "
                f"received {basis.instrument}",
                key="stable_bases[].instrument",
            )
    return bases


def cycles(document: Document, instruments: tuple[Instrument, ...]) -> tuple[CycleSettings, ...]:
    """Return the cycles to look for. Raises ConfigError where there is none, or home is not at par with money."""
    at_par = {MONEY} | {str(row["asset"]) for row in document.rows["stable_bases"] if row["against"] == MONEY}
    found = tuple(_cycle(row) for row in document.rows["cycles"])
    for wanted in found:
        name = f"cycles: {wanted.venue.value} from {wanted.home}"
        if wanted.home not in at_par:
            raise ConfigError(f"{name}: expected a home of {', '.join(sorted(at_par))}", key="cycles[].home")
        if not cycles_of([i for i in instruments if i.venue is wanted.venue], wanted.home):
            raise ConfigError(f"{name}: no three of its instruments make a turn", key="cycles[].venue")
        if sum((other.venue, other.home) == (wanted.venue, wanted.home) for other in found) > 1:
            raise ConfigError(f"{name} is configured twice", key="cycles[].venue")
    return found


def _stable_basis(row: Row) -> StableBasis:
    return StableBasis(
        asset=str(row["asset"]),
        against=str(row["against"]),
        receive_millionths=_whole(row, "receive_bps"),
        pay_millionths=_whole(row, "pay_bps"),
        source=str(row["source"]),
        instrument=None if row["instrument"] is None else str(row["instrument"]),
        max_age_ns=_whole(row, "max_age_seconds") * NANOS_PER_SECOND,
    )


def _cycle(row: Row) -> CycleSettings:
    return CycleSettings(
        venue=Venue(str(row["venue"])), home=str(row["home"]), fee_asset=FeeAsset(str(row["fee_asset"]))
    )


def _whole(row: Row, name: str) -> int:
    value = row[name]
    assert isinstance(value, int)
    return value
