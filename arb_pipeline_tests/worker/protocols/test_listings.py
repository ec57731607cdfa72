"""What venues list, in one shape: their names for the same thing differ, and some mislead."""

import gzip
import json
from pathlib import Path

import pytest

from streaming_worker.core.instrument import Venue
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.listings import Listed, listing_calls, read_listing

PRODUCT = {
    "product_id": "SOL-USD", "base_currency_id": "SOL", "quote_currency_id": "USD", "price_increment": "0.01",
    "quote_increment": "0.05", "base_increment": "0.00000001", "base_min_size": "0.001", "quote_min_size": "1",
    "alias_to": ["SOL-USDC"], "status": "online",
}  # fmt: skip
SOL = Listed(
    symbol="SOL-USD", base="SOL", quote="USD", price_tick_e8=10**6, lot_e8=1, min_size_e8=10**5,
    min_notional_e8=10**8, aliases=("SOL-USDC",),
)  # fmt: skip


def _read(venue: Venue, body: object) -> list[Listed]:
    return read_listing(venue, body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.mark.parametrize("body", [{"products": [PRODUCT], "num_products": 1}, [PRODUCT], PRODUCT])
def test_a_page_a_list_and_one_product_of_coinbase(body: object) -> None:
    assert _read(Venue.COINBASE, body) == [SOL]


def test_the_exchange_listing_has_other_names() -> None:
    older = {
        "id": "SOL-USD", "base_currency": "SOL", "quote_currency": "USD", "quote_increment": "0.01",
        "base_increment": "0.001", "min_market_funds": "5",
    }  # fmt: skip
    (listed,) = _read(Venue.COINBASE, [older, {"base_currency": "nameless"}])
    assert (listed.symbol, listed.base, listed.price_tick_e8, listed.min_notional_e8) == (
        "SOL-USD",
        "SOL",
        10**6,
        5 * 10**8,
    )
    assert (listed.lot_e8, listed.min_size_e8, listed.status) == (10**5, None, "")


@pytest.mark.parametrize(
    ("stops", "status"),
    [
        ({"status": "delisted", "trading_disabled": True}, "delisted, trading_disabled"),
        ({"limit_only": True}, "limit_only"),
        ({"cancel_only": True, "post_only": True}, "cancel_only, post_only"),
    ],
)
def test_whatever_stands_against_trading_is_named(stops: dict[str, object], status: str) -> None:
    assert _read(Venue.COINBASE, [PRODUCT | stops])[0].status == status


def test_geminis_tick_size_is_the_step_of_the_quantity() -> None:
    body = (
        b'{"symbol":"SOLUSD","base_currency":"SOL","quote_currency":"USD","tick_size":0.000001,'
        b'"quote_increment":1e-3,"min_order_size":"0.001","status":"open","product_type":"spot"}'
    )
    expected = Listed(
        symbol="SOLUSD", base="SOL", quote="USD", price_tick_e8=10**5, lot_e8=100, min_size_e8=10**5, aliases=()
    )
    assert _read(Venue.GEMINI, body) == _read(Venue.GEMINI, b"[" + body + b"]") == [expected]
    assert _read(Venue.GEMINI, body.replace(b"open", b"post_only"))[0].status == "post_only"


@pytest.mark.parametrize(
    "names",
    [{"market_symbol": "solusd", "minimum_order_value": "10"}, {"url_symbol": "solusd", "minimum_order": "10.0 USD"}],
)
def test_bitstamps_steps_are_numbers_of_decimals(names: dict[str, str]) -> None:
    market = {"name": "SOL/USD", "base_decimals": 8, "counter_decimals": 2, "trading": "Enabled"}
    (listed,) = _read(Venue.BITSTAMP, [market | names, {"name": "nameless"}])
    assert listed == Listed(
        symbol="solusd", base="SOL", quote="USD", price_tick_e8=10**6, lot_e8=1, min_notional_e8=10**9
    )
    assert _read(Venue.BITSTAMP, [market | names | {"trading": "Disabled"}])[0].status == "Disabled"


@pytest.mark.parametrize("decimals", [None, -1, 9])
def test_a_step_that_no_price_here_could_hold_is_not_known(decimals: int | None) -> None:
    market = {"market_symbol": "x", "base_decimals": decimals, "counter_decimals": 0}
    (listed,) = _read(Venue.BITSTAMP, [market])
    assert (listed.lot_e8, listed.price_tick_e8, listed.min_notional_e8) == (None, 10**8, None)


@pytest.mark.parametrize("tick", ['"0.000000001"', "1e-9", '"abc"', "[1]", "-1", "1e99", "NaN", '"Infinity"', '""'])
def test_a_number_that_is_none_or_too_fine_is_not_known(tick: str) -> None:
    body = f'{{"symbol":"SOLUSD","quote_increment":{tick}}}'.encode()
    if tick == "NaN":
        with pytest.raises(FeedFormatError):
            _read(Venue.GEMINI, body)
    else:
        assert _read(Venue.GEMINI, body)[0].price_tick_e8 is None


@pytest.mark.parametrize("venue", [Venue.COINBASE, Venue.GEMINI, Venue.BITSTAMP])
@pytest.mark.parametrize("body", [b"<html>", b"3", b"\xff", b'"x"', b"[1]"])
def test_anything_but_a_listing_is_refused(venue: Venue, body: bytes) -> None:
    with pytest.raises(FeedFormatError, match=venue.value):
        _read(venue, body)


def test_a_chain_lists_nothing() -> None:
    with pytest.raises(FeedFormatError, match="orca"):
        _read(Venue.ORCA, b"[]")


def test_spot_and_perpetual_of_one_pair_stay_two_symbols(shared_dir: Path) -> None:
    listed = []
    with gzip.open(shared_dir / "captures" / "gemini" / "v2_l2_sol_btc_eth_20260809.jsonl.gz", "rb") as file:
        for line in map(json.loads, file):
            if line["t"] == "http" and "/symbols/details/sol" in line["url"]:
                listed += _read(Venue.GEMINI, line["data"].encode())
    by_symbol = {one.symbol: one for one in listed}
    spot, perpetual = by_symbol["SOLUSDC"], by_symbol["SOLUSDCPERP"]
    assert (spot.base, spot.quote) == (perpetual.base, perpetual.quote)
    assert (spot.price_tick_e8, perpetual.price_tick_e8) == (10**5, 5 * 10**5)


@pytest.mark.parametrize(
    ("protocol", "paths"),
    [
        ("coinbase_advanced", ["/api/v3/brokerage/market/products"]),
        ("coinbase_exchange", ["/products"]),
        ("gemini", ["/v1/symbols/details/solusd", "/v1/symbols/details/btcusd"]),
        ("bitstamp", ["/api/v2/markets/"]),
        ("solana", []),
    ],
)
def test_one_call_tells_of_all_symbols_or_of_one(protocol: str, paths: list[str]) -> None:
    calls = listing_calls(protocol, ["SOLUSD", "btcusd"])
    assert [(call.method, call.path) for call in calls] == [("GET", path) for path in paths]
