"""Routes, registry and conversions between a book's and a pool's units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arb_pipeline_tests.fixtures.market import settings
from streaming_worker.core.instrument import Instrument, Pool, Registry, Venue
from streaming_worker.core.outputs import Direction
from streaming_worker.core.route import Route, routes_of
from streaming_worker.core.units import E8
from streaming_worker.errors import ConfigError


def instrument(
    symbol: str = "SOL-USD", *, base: str = "SOL", quote: str = "USD", aliases: tuple[str, ...] = ()
) -> Instrument:
    """Return a book."""
    return Instrument(
        venue=Venue.COINBASE, symbol=symbol, base=base, quote=quote, price_tick_e8=E8 // 100, lot_e8=1,
        min_size_e8=1, min_notional_e8=E8, aliases=aliases,
    )  # fmt: skip


def pool(address: str = "P", *, quote: str = "USDC", base_decimals: int = 9, quote_decimals: int = 6) -> Pool:
    """Return a pool."""
    return Pool(
        venue=Venue.ORCA, address=address, base="SOL", quote=quote, base_decimals=base_decimals,
        quote_decimals=quote_decimals,
    )  # fmt: skip


def route(base_decimals: int = 9) -> Route:
    """Return the route that buys on the book."""
    return routes_of(Registry.of([instrument()], [pool(base_decimals=base_decimals)]))[0]


def test_routes_are_book_times_pool_times_direction_of_one_base() -> None:
    registry = Registry.of([instrument(), instrument("BTC-USD", base="BTC")], [pool("P"), pool("Q")])
    assert [(r.instrument.symbol, r.pool.address, r.direction) for r in routes_of(registry)] == [
        ("SOL-USD", "P", Direction.BUY_CEX_SELL_POOL),
        ("SOL-USD", "P", Direction.BUY_POOL_SELL_CEX),
        ("SOL-USD", "Q", Direction.BUY_CEX_SELL_POOL),
        ("SOL-USD", "Q", Direction.BUY_POOL_SELL_CEX),
    ]
    assert routes_of(registry)[0].key == "coinbase:SOL-USD|orca:P|buy_cex_sell_pool"


def test_a_cross_has_no_route_to_a_pool_in_money_and_a_pegged_quote_has() -> None:
    books = [instrument(), instrument("BTC-USD", base="BTC"), instrument("SOL-BTC", quote="BTC")]
    assert {route.instrument.symbol for route in routes_of(Registry.of(books, [pool()]))} == {"SOL-USD"}
    assert {route.instrument.symbol for route in routes_of(Registry.of(books, [pool(quote="BTC")]))} == {
        "SOL-USD",
        "SOL-BTC",
    }
    books = [instrument("SOL-USDT", quote="USDT"), instrument("USDT-USD", base="USDT")]
    assert [route.instrument.symbol for route in routes_of(Registry.of(books, [pool()]))] == []
    pegged = routes_of(Registry.of(books, [pool()]), pegged={"USDT"})
    assert [route.instrument.symbol for route in pegged] == ["SOL-USDT"] * 2


@pytest.mark.parametrize(
    ("instruments", "pools"),
    [
        ([instrument(), instrument()], []),
        ([instrument(aliases=("SOL-USDC",)), instrument("SOL-USDC")], []),
        ([], [pool(), pool()]),
    ],
)
def test_one_book_is_never_two_instruments(instruments: list[Instrument], pools: list[Pool]) -> None:
    with pytest.raises(ConfigError, match="configured twice"):
        Registry.of(instruments, pools)


def test_a_quote_token_finer_than_1e8_is_refused() -> None:
    with pytest.raises(ConfigError, match="quote decimals"):
        routes_of(Registry.of([instrument()], [pool(quote_decimals=9)]))


@pytest.mark.parametrize(("decimals", "lot", "raw"), [(9, 1, 10), (8, 1, 1), (6, 100, 1)])
def test_a_lot_is_whole_in_both_units(decimals: int, lot: int, raw: int) -> None:
    made = route(decimals)
    assert made.lot_e8 == lot
    assert made.base_to_raw(lot) == raw
    assert made.raw_to_base(raw) == lot


def test_the_pool_price_of_one_sol_is_in_usd() -> None:
    made = route()
    sqrt_price = made.sqrt_price_at(150 * E8, E8)
    assert made.pool_value_e8(sqrt_price, E8, round_up=False) == 150 * E8
    assert made.pool_value_e8(sqrt_price, E8, round_up=True) == 150 * E8 + 1


@given(price=st.integers(1, 10**13), denominator=st.integers(1, 10**9))
def test_the_square_root_price_is_the_least_that_is_not_below(price: int, denominator: int) -> None:
    made = route()
    root = made.sqrt_price_at(price, denominator)
    square = 1_000 * root * root * denominator
    assert square >= price << 128
    assert 1_000 * (root - 1) ** 2 * denominator < price << 128


def test_the_settings_of_the_fixture_make_four_routes() -> None:
    made = settings()
    assert len(routes_of(Registry.of(made.instruments, made.pools))) == 4
