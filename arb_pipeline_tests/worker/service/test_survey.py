"""What a recording is about: protocol, symbols, instruments from its own bodies."""

import json
from pathlib import Path
from typing import Any

import pytest

from streaming_worker.adapters.recorder import Recording, UnknownFile, open_recording
from streaming_worker.core.instrument import Venue
from streaming_worker.service.survey import Survey, survey

GEMINI_V2 = "wss://api.example/v2/marketdata"


def _recording(folder: Path, exchange: str, *lines: dict[str, Any]) -> Recording:
    path = folder / "a.jsonl"
    content = [{"t": "header", "exchange": exchange}, *({"conn": "c", "ts": 1, **line} for line in lines)]
    path.write_text("".join(json.dumps(line) + "\n" for line in content))
    recording = open_recording(path)
    assert isinstance(recording, Recording)
    return recording


def _survey(folder: Path, exchange: str, *lines: dict[str, Any]) -> Survey:
    found = survey(_recording(folder, exchange, *lines))
    assert isinstance(found, Survey)
    return found


def _http(url: str, body: object) -> dict[str, Any]:
    return {"t": "http", "url": url, "data": body if isinstance(body, str) else json.dumps(body)}


def _send(message: object) -> dict[str, Any]:
    return {"t": "send", "data": json.dumps(message)}


def _recv(message: object) -> dict[str, Any]:
    return {"t": "recv", "data": json.dumps(message)}


@pytest.mark.parametrize(
    ("exchange", "url", "protocol", "venue"),
    [
        ("COINBASE", "wss://advanced.example", "coinbase_advanced", Venue.COINBASE),
        ("COINBASE_EXCHANGE", "wss://feed.example", "coinbase_exchange", Venue.COINBASE),
        ("GEMINI", GEMINI_V2, "gemini_v2", Venue.GEMINI),
        ("GEMINI", "wss://ws.example/?snapshot=-1", "gemini", Venue.GEMINI),
        ("BITSTAMP", "wss://ws.example", "bitstamp", Venue.BITSTAMP),
    ],
)
def test_the_protocol_follows_from_exchange_and_address(
    tmp_path: Path, exchange: str, url: str, protocol: str, venue: Venue
) -> None:
    found = _survey(tmp_path, exchange, {"t": "connect", "addr": url})
    assert (found.protocol, found.venue, found.instruments) == (protocol, venue, ())


def test_another_exchange_is_not_read_and_named(tmp_path: Path) -> None:
    found = survey(_recording(tmp_path, "BINANCE", {"t": "connect", "addr": "wss://stream.example"}))
    assert found == UnknownFile("no protocol here reads recordings of BINANCE at wss://stream.example")
    assert "no address" in survey(_recording(tmp_path, "KRAKEN")).reason  # type: ignore[union-attr]


def test_asked_symbols_win_over_seen_ones_and_an_alias_is_its_product(tmp_path: Path) -> None:
    products = {
        "products": [
            {
                "product_id": "SOL-USD", "base_currency_id": "SOL", "quote_currency_id": "USD",
                "price_increment": "0.01", "base_increment": "0.00000001", "base_min_size": "0.001",
                "quote_min_size": "1", "alias_to": ["SOL-USDC"],
            }
        ]
    }  # fmt: skip
    found = _survey(
        tmp_path,
        "COINBASE",
        _http("https://api.example/market/products", products),
        _send({"type": "subscribe", "product_ids": ["SOL-USDC", "SOL-USD", "ETH-USD"]}),
        _recv({"events": [{"product_id": "BTC-USD"}]}),
    )
    sol, eth = found.instruments
    assert (sol.symbol, sol.base, sol.quote, sol.aliases) == ("SOL-USD", "SOL", "USD", ("SOL-USDC",))
    assert (sol.price_tick_e8, sol.lot_e8, sol.min_size_e8, sol.min_notional_e8) == (10**6, 1, 10**5, 10**8)
    assert (eth.symbol, eth.base, eth.quote, eth.price_tick_e8, eth.lot_e8) == ("ETH-USD", "ETH-USD", "", 1, 1)


def test_the_older_listing_names_its_fields_differently(tmp_path: Path) -> None:
    listing = [{"id": "SOL-USD", "base_currency": "SOL", "quote_currency": "USD", "quote_increment": "0.01",
                "base_increment": "0.001", "min_market_funds": "5"}]  # fmt: skip
    found = _survey(
        tmp_path,
        "COINBASE_EXCHANGE",
        _http("https://api.example/products", listing),
        _recv({"type": "snapshot", "product_id": "SOL-USD"}),
    )
    (sol,) = found.instruments
    assert (sol.base, sol.price_tick_e8, sol.lot_e8, sol.min_notional_e8) == ("SOL", 10**6, 10**5, 5 * 10**8)


def test_gemini_numbers_may_be_json_numbers_and_its_names_mislead(tmp_path: Path) -> None:
    details = (
        '{"symbol":"BTCUSD","base_currency":"BTC","quote_currency":"USD","tick_size":1e-08,'
        '"quote_increment":0.01,"min_order_size":"0.00001"}'
    )
    found = _survey(
        tmp_path,
        "GEMINI",
        {"t": "connect", "addr": GEMINI_V2},
        _http("https://api.example/v1/symbols/details/btcusd", details),
        _send({"subscriptions": [{"name": "l2", "symbols": ["BTCUSD"]}]}),
        _recv({"symbol": "BTCUSD", "changes": [["buy", "65000.01", "0.1437398746"], ["buy", "1", "0.1200000000"]]}),
    )
    (btc,) = found.instruments
    assert (btc.price_tick_e8, btc.lot_e8, btc.min_size_e8, btc.size_digits) == (10**6, 1, 1_000, 10)


def test_bitstamp_names_its_symbols_in_channels(tmp_path: Path) -> None:
    market = {"url_symbol": "solusd", "name": "SOL/USD", "base_decimals": 8, "counter_decimals": 2}
    found = _survey(
        tmp_path,
        "BITSTAMP",
        _http("https://www.example/api/v2/trading-pairs-info/", [market]),
        _send({"event": "bts:subscribe", "data": {"channel": "diff_order_book_solusd"}}),
        _send({"event": "bts:subscribe", "data": {"channel": "live_trades_solusd"}}),
        _recv({"event": "data", "channel": "order_book_btcusd", "data": {"bids": [], "asks": []}}),
    )
    (sol,) = found.instruments
    assert (sol.symbol, sol.base, sol.price_tick_e8, sol.lot_e8) == ("solusd", "SOL", 10**6, 1)
    seen = _survey(tmp_path, "BITSTAMP", _recv({"event": "data", "channel": "order_book_btcusd"}))
    assert [instrument.symbol for instrument in seen.instruments] == ["btcusd"]


def test_streams_name_symbols_too(tmp_path: Path) -> None:
    found = _survey(tmp_path, "GEMINI", _send({"params": ["solusd@depth@100ms", "solusd@trade", "x"]}))
    assert [(instrument.symbol, instrument.size_digits) for instrument in found.instruments] == [("solusd", 8)]


@pytest.mark.parametrize("tick", ['"0.000000001"', "1e-9", '"abc"', "[1]", "-1", "1e99", "NaN", '"Infinity"'])
def test_a_step_that_is_none_or_too_fine_becomes_the_finest(tmp_path: Path, tick: str) -> None:
    body = f'{{"symbol":"SOLUSD","quote_increment":{tick}}}'
    found = _survey(
        tmp_path, "GEMINI", _http("https://api.example/symbols/details/solusd", body), _recv({"s": "SOLUSD"})
    )
    assert found.instruments[0].price_tick_e8 == 1


def test_bodies_and_messages_that_cannot_be_read_tell_nothing(tmp_path: Path) -> None:
    found = _survey(
        tmp_path,
        "COINBASE",
        _http("https://api.example/products", "<html>"),
        _http("https://api.example/time", {}),
        {"t": "send", "data": "hello"},
        {"t": "recv", "data": "["},
    )
    assert found.instruments == ()
