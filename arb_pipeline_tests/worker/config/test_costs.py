"""Costs that come from the market, and cycles: settings that fit together, or one line that says what does not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from streaming_worker.config import Config, load_config
from streaming_worker.core.cycle import FeeAsset
from streaming_worker.core.instrument import Venue
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.engine.settings import CycleSettings
from streaming_worker.errors import ConfigError

Load = Callable[..., Config]


def instrument(symbol: str, base: str, quote: str) -> str:
    """Return the table of one Gemini book."""
    return (
        f'[[instruments]]\nvenue = "gemini"\nsymbol = "{symbol}"\nbase = "{base}"\nquote = "{quote}"\n'
        'price_tick = "0.00001"\nlot = "0.000001"\nmin_size = "0.001"\n'
    )


BOOKS = (
    "pools = []\n"
    + instrument("SOLUSD", "SOL", "USD")
    + instrument("BTCUSD", "BTC", "USD")
    + instrument("SOLBTC", "SOL", "BTC")
    + instrument("USDCUSD", "USDC", "USD")
    + '[[feeds]]\nname = "gemini"\nprotocol = "gemini"\nwebsocket_url = "ws://{venues+2}"\n'
    'rest_url = "http://{venues+2}"\n'
    'instruments = ["gemini:SOLUSD", "gemini:BTCUSD", "gemini:SOLBTC", "gemini:USDCUSD"]\n'
)
BASIS = '[[stable_bases]]\nasset = "USDC"\nagainst = "USD"\nreceive_bps = "1"\npay_bps = "2"\n'
NONE = "allocations = []\ntransfers = []\n"
CYCLE = '[[cycles]]\nvenue = "gemini"\n'


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def run(text: str = "", **environ: str) -> Config:
        file = tmp_path / "arb.toml"
        file.write_text(NONE + text, encoding="utf-8")
        return load_config(file, environ)

    return run


def test_a_measured_priority_fee_is_asked_for_by_its_percentile(load: Load) -> None:
    plain, measured = load(), load(ARB_NETWORK_PRIORITY_PERCENTILE="75", ARB_NETWORK_COMPUTE_UNITS="150000")
    assert plain.engine.network_cost.priority_percentile is None
    cost = measured.engine.network_cost
    assert (cost.priority_percentile, cost.compute_units, cost.max_age_ns) == (75, 150_000, 60 * NANOS_PER_SECOND)


def test_a_stable_coin_may_name_its_own_book(load: Load) -> None:
    config = load(BOOKS + BASIS + 'instrument = "gemini:USDCUSD"\nmax_age_seconds = 5\n')
    (basis,) = config.engine.stable_bases
    assert (basis.instrument, basis.max_age_ns) == ("gemini:USDCUSD", 5 * NANOS_PER_SECOND)


def test_cycles_are_looked_for_where_three_books_make_a_turn(load: Load) -> None:
    config = load(BOOKS + CYCLE + 'fee_asset = "received"\n')
    assert config.engine.cycles == (CycleSettings(venue=Venue.GEMINI, home="USD", fee_asset=FeeAsset.RECEIVED),)
    assert load().engine.cycles == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BASIS + 'instrument = "gemini:SOLUSD"', "stable_bases: USDC: expected an instrument of USDC in USD, received"),
        (BASIS + 'instrument = "gemini:NONE"', "stable_bases: USDC: expected an instrument of USDC in USD, received"),
        (CYCLE + 'home = "BTC"', "cycles: gemini from BTC: expected a home of USD"),
        (BASIS + CYCLE + 'home = "USDC"', "cycles: gemini from USDC: no three of its instruments make a turn"),
        ('[[cycles]]\nvenue = "coinbase"', "cycles: coinbase from USD: no three of its instruments make a turn"),
        (CYCLE + CYCLE + 'fee_asset = "received"', "cycles: gemini from USD is configured twice"),
        (CYCLE + 'fee_asset = "home"', "cycles[0].fee_asset: expected one of quote, received, received 'home'"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(load: Load, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(BOOKS + text)
    assert message in str(caught.value)
