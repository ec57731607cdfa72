"""Shadow balances and the ways between them come from the configuration, checked."""

from pathlib import Path

import pytest

from streaming_worker.config import load_config
from streaming_worker.core.instrument import Venue
from streaming_worker.core.units import E8, NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.errors import ConfigError

BALANCE = '[[allocations]]\nvenue = "gemini"\nasset = "USD"\ninitial = "10.5"\ntarget = "20"\nlow = "3"\n'
WAY = (
    '[[transfers]]\nsource = "orca"\ndestination = "gemini"\nasset = "USDC"\ncredited_as = "USD"\nfixed_fee = "0.01"\n'
)


def loaded(tmp_path: Path, text: str):
    """Load a file over the live profile, which keeps no inventory."""
    file = tmp_path / "own.toml"
    file.write_text(f'profile = "live"\n{text}')
    return load_config(file, {}).engine


def test_the_demo_holds_balances_at_every_venue_and_moves_them_back_by_itself() -> None:
    engine = load_config(None, {}).engine
    held = {(line.venue, line.asset) for line in engine.allocations}
    venues = {instrument.venue for instrument in engine.instruments}
    assert held == {(v, a) for v in venues for a in ("USD", "SOL")} | {(Venue.ORCA, a) for a in ("USDC", "SOL")}
    assert engine.rebalancing.is_automatic
    assert len(engine.rebalancing.routes) == 4 * len(venues)


def test_without_allocations_no_inventory_is_kept(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").allocations == ()


def test_amounts_and_shares_are_exact(tmp_path: Path) -> None:
    text = f'{BALANCE}{WAY}fee_percent = "0.1"\nminutes = 2\nminimum = "5"\ntypical = "100"\n'
    engine = loaded(tmp_path, f'{text}[rebalancing]\nband_percent = "12.5"\n[network]\nrevert_share_percent = "7"\n')
    (line,) = engine.allocations
    assert (line.initial_e8, line.target_e8, line.low_e8) == (1_050_000_000, 20 * E8, 3 * E8)
    (way,) = engine.rebalancing.routes
    assert (way.fixed_fee_e8, way.fee_millionths, way.duration_ns) == (1_000_000, 1_000, 120 * NANOS_PER_SECOND)
    assert (way.received_asset, way.minimum_e8, way.typical_e8) == ("USD", 5 * E8, 100 * E8)
    assert (engine.rebalancing.band_millionths, engine.rebalancing.is_automatic) == (125_000, False)
    assert engine.network_cost.revert_share_millionths == 70_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BALANCE + BALANCE, "gemini:USD is configured twice"),
        (WAY + 'minutes = 2\nminimum = "5"\ntypical = "1"\n', "typical amount"),
        ("[simulation]\nempirical_ms = [5, 3]\n", "from the lowest on"),
    ],
)
def test_what_cannot_be_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        loaded(tmp_path, text)


def test_measured_latencies_are_optional(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").simulation.empirical_ns == ()
    drawn = loaded(tmp_path, "[simulation]\nempirical_ms = [3, 5]\n").simulation.empirical_ns
    assert drawn == (3 * NANOS_PER_MILLISECOND, 5 * NANOS_PER_MILLISECOND)
