"""The recorded captures: every book equals an independent rebuild, and every known dirt is counted."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from arb_pipeline_tests.fixtures.frames import NOW_NS, frame, instrument
from streaming_worker.core.events import BookSnapshot, Event, FeedGap, TakerSide, TradePrint
from streaming_worker.core.instrument import Venue
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.base import FeedProtocol
from streaming_worker.protocols.coinbase import CoinbaseAdvanced
from streaming_worker.protocols.coinbase_exchange import CoinbaseExchange
from streaming_worker.protocols.gemini import Gemini
from streaming_worker.protocols.gemini_v2 import GeminiV2
from streaming_worker.service.replay import replay_captures

ADVANCED = "advanced_btc_eth_20260809.jsonl.gz"
EXCHANGE = "exchange_l2_10pairs_20210417.jsonl.gz"
V2_2021 = "v2_l2_10pairs_20210417.jsonl.gz"
V2_2026 = "v2_l2_sol_btc_eth_20260809.jsonl.gz"
NEW_API = "newws_depth100ms_20260930_excerpt.tsv"
BITSTAMP = ("diff_rest_9pairs_20210417.jsonl.gz", "diff_rest_9pairs_20220105.jsonl.gz")


@pytest.fixture(scope="module")
def report(shared_dir: Path) -> dict[str, Any]:
    """Return the replay of every venue's captures."""
    return replay_captures([shared_dir / "captures" / venue for venue in ("coinbase", "gemini", "bitstamp")])


def _top(level: list[str]) -> list[Decimal]:
    return [Decimal(part) for part in level]


@pytest.mark.parametrize(
    ("venue", "name"),
    [("coinbase", ADVANCED), ("coinbase", EXCHANGE), ("gemini", V2_2021), ("gemini", V2_2026)],
)
def test_every_book_equals_the_independent_rebuild(
    report: dict[str, Any], shared_dir: Path, venue: str, name: str
) -> None:
    expected = json.loads((shared_dir / "captures" / "expected_results.json").read_text())[f"{venue}/{name}"]
    capture = report["captures"][name]
    assert capture["frames"] == expected["recv_messages"]
    assert (capture["gaps"], capture["dead_letters"]) == (expected.get("sequence_gaps", 0), 0)
    assert capture["instruments"].keys() == expected["final_books"].keys()
    for symbol, book in expected["final_books"].items():
        ours = capture["instruments"][symbol]
        assert ours["state"] == "synced", symbol
        assert _top(ours["best_bid"]) == _top(book["best_bid"]), symbol
        assert _top(ours["best_ask"]) == _top(book["best_ask"]), symbol
        assert (ours["bids"], ours["asks"]) == (book["bid_levels"], book["ask_levels"]), symbol
        assert ours["updates"] == book["update_messages_applied"], symbol
        assert ours["absent_removals"] == book["zero_removals_of_absent_level"], symbol


@pytest.mark.parametrize("name", BITSTAMP)
def test_bitstamp_books_are_aligned_with_the_recorded_copies(
    report: dict[str, Any], shared_dir: Path, name: str
) -> None:
    expected = json.loads((shared_dir / "captures" / "expected_results.json").read_text())[f"bitstamp/{name}"]
    capture = report["captures"][name]
    assert (capture["frames"], capture["rest_books"]) == (expected["recv_messages"], 10)
    assert (capture["gaps"], capture["dead_letters"]) == (0, 0)
    for symbol, book in expected["final_books"].items():
        ours = capture["instruments"][symbol]
        assert ours["state"] == "synced", symbol
        assert _top(ours["best_bid"]) == _top(book["best_bid"]), symbol
        assert _top(ours["best_ask"]) == _top(book["best_ask"]), symbol
        assert (ours["bids"], ours["asks"]) == (book["bid_levels"], book["ask_levels"]), symbol
        assert ours["updates"] == book["update_messages_applied"], symbol
        assert ours["changes_discarded"] == book["diffs_discarded_not_newer_than_rest"], symbol
        assert ours["absent_removals"] == book["zero_removals_of_absent_level"], symbol
    (quiet,) = capture["instruments"].keys() - expected["final_books"].keys()
    assert (capture["instruments"][quiet]["state"], capture["instruments"][quiet]["updates"]) == ("synced", 0)


def test_bitstamps_backlog_and_its_fast_clock_are_counted(report: dict[str, Any]) -> None:
    early, late = (report["captures"][name]["instruments"] for name in BITSTAMP)
    assert max(book["greatest_age_ns"] or 0 for book in early.values()) > 2 * 10**9
    assert min(book["least_age_ns"] or 0 for book in late.values()) < 0


def test_coinbase_advanced_dirt_is_counted(report: dict[str, Any]) -> None:
    capture = report["captures"][ADVANCED]
    assert capture["largest_frame_bytes"] == 5_079_379
    assert capture["counters"] == {"acknowledgements": 5, "unknown_channels": 104}
    assert capture["heartbeats"] == 14
    assert capture["negative_ages"] > 0  # received before the venue's own time
    assert [book["historical_trades"] for book in capture["instruments"].values()] == [100, 100]
    assert [book["absent_removals"] for book in capture["instruments"].values()] == [23, 6]
    assert all(book["same_quantity_repeats"] > 0 for book in capture["instruments"].values())
    assert capture["instruments"]["BTC-USD"]["largest_event_levels"] == 46_000
    assert capture["instruments"]["BTC-USD"]["far_levels"] > 0
    assert capture["instruments"]["BTC-USD"]["aliases"] == ["BTC-USDC"]


def test_gemini_v2_dirt_is_counted(report: dict[str, Any]) -> None:
    busy, recent = report["captures"][V2_2021], report["captures"][V2_2026]
    assert sum(book["absent_removals"] for book in busy["instruments"].values()) == 1_223
    assert busy["instruments"]["BTCUSD"]["size_digits"] == 10
    assert busy["negative_ages"] > 0
    assert recent["heartbeats"] == 2
    assert sum(book["historical_trades"] for book in recent["instruments"].values()) > 0
    assert recent["instruments"]["SOLUSD"]["far_levels"] > 0
    assert [recent["instruments"][symbol]["spread_bps"] for symbol in ("BTCEUR", "BTCGBP")] == [250, 250]
    assert all(book["events_without_time"] > 0 for book in recent["instruments"].values())
    assert recent["instruments"]["SOLUSD"]["price_tick"] == "0.001"


def test_gemini_new_api_excerpt_shows_its_hole(report: dict[str, Any]) -> None:
    capture = report["captures"][NEW_API]
    assert capture["frames"] == 20
    assert capture["gap_causes"] == {"update_id": 2, "unaligned_snapshot": 1}
    assert capture["counters"]["one_id_steps"] == 0
    assert {symbol: book["state"] for symbol, book in capture["instruments"].items()} == {
        "btcgusdperp": "gap", "ethgusdperp": "gap", "btcusd": "gap",
    }  # fmt: skip
    assert capture["negative_ages"] is None  # the recorder's clock was no wall clock


def test_two_replays_are_equal_but_for_their_speed(report: dict[str, Any], shared_dir: Path) -> None:
    again = replay_captures([shared_dir / "captures" / venue for venue in ("gemini", "bitstamp", "coinbase")])
    assert again["captures"] == report["captures"]
    assert again["overall"]["digest"] == report["overall"]["digest"]
    assert again["overall"]["frames"] == 12_135 + 677 + 747


def test_what_is_no_recording_of_a_target_venue_is_skipped_with_the_reason(shared_dir: Path) -> None:
    captures = shared_dir / "captures"
    report = replay_captures([captures / "binance", captures / "klines", captures / "shapes"])
    assert report["captures"] == {}
    assert "first line" in report["skipped"]["spot_btcusdt_20240808.jsonl.gz"]
    assert "expected .jsonl" in report["skipped"]["sol_usd_1h_2022-01_2022-05.csv.gz"]
    assert len(report["skipped"]) == 2 + 4 + 5


def test_bitstamp_files_of_other_kinds_are_skipped_with_the_reason(report: dict[str, Any]) -> None:
    assert report["skipped"] == dict.fromkeys(
        ("l3_events_btcusd_20150501.log.gz", "live_orders_btcusd_20251118.csv.gz"),
        "not a recording: expected .jsonl, .jsonl.gz or .tsv",
    )


def _outcomes(protocol: FeedProtocol, frames: list[bytes]) -> list[list[Event] | FeedFormatError]:
    outcomes: list[list[Event] | FeedFormatError] = []
    protocol.opened(1, NOW_NS)
    for one in frames:
        try:
            outcomes.append(protocol.receive(one, NOW_NS))
        except FeedFormatError as e:
            outcomes.append(e)
    return outcomes


def _lines(shared_dir: Path, name: str) -> list[bytes]:
    return (shared_dir / "captures" / "shapes" / name).read_bytes().splitlines()


def test_odd_coinbase_exchange_messages(shared_dir: Path) -> None:
    books = [instrument(Venue.COINBASE, symbol) for symbol in ("BTC-EUR", "BAT-USDC", "YFI-USD", "ETC-GBP", "ETH-USD")]
    protocol = CoinbaseExchange("coinbase", books)
    match, *updates_before_snapshot, batch, _, odd = _outcomes(protocol, _lines(shared_dir, "coinbase_exchange.jsonl"))[
        :6
    ]
    assert isinstance(match, list)
    assert [event.taker_side for event in match] == [TakerSide.SELL]
    assert updates_before_snapshot == [[], []]
    assert isinstance(batch, list)
    assert isinstance(batch[0], BookSnapshot)
    assert isinstance(odd, FeedFormatError)
    assert (odd.instrument, "0.-10000" in str(odd)) == ("coinbase:YFI-USD", True)


def test_odd_gemini_messages(shared_dir: Path) -> None:
    books = [instrument(Venue.GEMINI, symbol) for symbol in ("ZECLTC", "BTCUSD", "ETHBTC", "ETHUSD")]
    quiet, trade, update, block = _outcomes(GeminiV2("gemini", books), _lines(shared_dir, "gemini_v2.jsonl"))
    assert isinstance(quiet, list)
    assert isinstance(quiet[0], BookSnapshot)
    assert isinstance(update, list)
    assert isinstance(update[0], FeedGap)
    sides = [events[0].taker_side for events in (trade, block) if isinstance(events, list)]
    assert sides == [TakerSide.BUY, TakerSide.UNKNOWN]


def test_odd_gemini_new_api_messages(shared_dir: Path) -> None:
    books = [instrument(Venue.GEMINI, symbol, size_digits=10) for symbol in ("wifusd", "btcrlusd", "linkrlusd")]
    depth, trade, ticker, _ = _outcomes(Gemini("gemini", books), _lines(shared_dir, "gemini_v3.jsonl"))
    assert isinstance(depth, list)
    assert isinstance(depth[0], FeedGap)
    assert isinstance(trade, list)
    assert isinstance(trade[0], TradePrint)
    assert (trade[0].exchange_ns, trade[0].taker_side) == (1_783_981_140_085_684_200, TakerSide.SELL)
    assert ticker == []


def test_documented_coinbase_messages(shared_dir: Path) -> None:
    text = (shared_dir / "captures" / "shapes" / "coinbase_advanced_doc_examples.json").read_text()
    messages = [message for name, message in json.loads(text).items() if name.startswith("ws_")]
    kinds = []
    for message in messages:
        protocol = CoinbaseAdvanced("coinbase", [instrument(Venue.COINBASE, "BTC-USD")])
        (events,) = _outcomes(protocol, [frame({**message, "sequence_num": 0})])
        assert isinstance(events, list)
        kinds.append([type(event).__name__ for event in events])
    assert kinds == [["BookSnapshot"], [], ["FeedHeartbeat"], ["TradePrint", "TradePrint"], [], []]
