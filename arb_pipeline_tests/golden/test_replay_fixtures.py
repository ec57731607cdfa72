"""Our own small recordings, one odd thing after another: what each must give, number by number."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from streaming_worker.service.replay import replay_captures

# Each changes only when what a book holds or how it is hashed changes; such a commit says why.
BOOKS_DIGESTS = {
    "advanced.jsonl": "5d9566cfcf2a8e943150cfb22e7c7f1e67d52f2c7e714af60f36a96d3dfe602d",
    "exchange.jsonl": "1b7d652fa286bc49fd3a17db8b7e75100e2bee7486d36b79caede25e8880f49d",
    "new_api.tsv": "6e0b75bdfb5445ad6e3a6ac8f9e6e2ddab83ba4c0dd1151b3324e87d71bb08d9",
    "v2.jsonl": "999def4a49e022fbdfb46259ab0036eb2d40fbf687348aa446f555a65f312cb6",
}


@pytest.fixture(scope="module")
def captures(repository: Path) -> dict[str, Any]:
    """Return the replay of every small recording."""
    fixtures = repository / "arb_pipeline_tests" / "fixtures"
    return replay_captures([fixtures / "coinbase", fixtures / "gemini"])["captures"]


def _has(report: dict[str, Any], **expected: object) -> None:
    assert {name: report[name] for name in expected} == expected


def test_coinbase_advanced_with_every_kind_of_dirt(captures: dict[str, Any]) -> None:
    report = captures["advanced.jsonl"]
    _has(
        report, venue="coinbase", protocol="coinbase_advanced", frames=15, connections=1, gaps=2, dead_letters=1,
        gap_causes={"bad_frame": 1, "sequence": 1}, heartbeats=1, negative_ages=1, span_ns=900_000_000, damage=None,
        counters={"acknowledgements": 1, "deltas_without_snapshot": 2, "sequence_gaps": 1, "unknown_channels": 1},
    )  # fmt: skip
    (reason,) = report["dead_letter_reasons"]
    assert "'0.-10000'" in reason
    assert list(report["instruments"]) == ["SOL-USD"]  # SOL-USDC is the same book
    _has(
        report["instruments"]["SOL-USD"], state="synced", snapshots=3, updates=4, bids=3, asks=2,
        best_bid=["150.02", "0.00583"], best_ask=["150.03", "1.25"], crossed_ns=125_000_000, absent_removals=1,
        same_quantity_repeats=1, trades=1, historical_trades=2, price_tick="0.01", lot="0.00000001",
        aliases=["SOL-USDC"], is_crossed=False, least_age_ns=10_000_000, greatest_age_ns=50_000_000,
    )  # fmt: skip


def test_coinbase_exchange_drops_what_comes_before_the_snapshot(captures: dict[str, Any]) -> None:
    report = captures["exchange.jsonl"]
    _has(report, protocol="coinbase_exchange", frames=7, gaps=0, dead_letters=0)
    assert report["counters"]["deltas_without_snapshot"] == 1
    _has(
        report["instruments"]["SOL-USD"], state="synced", updates=1, bids=2, asks=1, best_bid=["150.02", "1"],
        best_ask=["150.1", "3"], events_without_time=2, trades=1, historical_trades=1, spread_bps=5, lot="0.001",
    )  # fmt: skip


def test_gemini_new_api_drops_the_book_at_a_one_id_step(captures: dict[str, Any]) -> None:
    report = captures["new_api.tsv"]
    _has(
        report, protocol="gemini", frames=9, connections=1, gaps=2, negative_ages=None,
        gap_causes={"unaligned_snapshot": 1, "update_id": 1},
        counters={
            "acknowledgements": 1, "book_tickers": 1, "deltas_without_snapshot": 2, "one_id_steps": 1,
            "sequence_gaps": 1,
        },
    )  # fmt: skip
    _has(report["instruments"]["solusd"], state="gap", snapshots=1, updates=2, bids=0, best_bid=None, least_age_ns=None)
    _has(report["instruments"]["btcusd"], state="gap", snapshots=0, updates=0)


def test_gemini_v2_replaces_the_book_after_a_reconnect(captures: dict[str, Any]) -> None:
    report = captures["v2.jsonl"]
    _has(report, protocol="gemini_v2", frames=8, connections=2, gaps=1, heartbeats=1, negative_ages=1)
    _has(
        report["instruments"]["SOLUSD"], state="synced", snapshots=2, updates=1, bids=1, asks=1,
        best_bid=["151", "1"], best_ask=["151.1", "2"], absent_removals=1, same_quantity_repeats=1,
        unsorted_events=1, historical_trades=2, trades=1, price_tick="0.001", lot="0.000001",
    )  # fmt: skip
    _has(report["instruments"]["BTCUSD"], state="gap", size_digits=10, snapshots=1, updates=1, lot="0.00000001")


def test_the_books_digest_of_each_recording_stands(captures: dict[str, Any]) -> None:
    assert {name: report["books_digest"] for name, report in captures.items()} == BOOKS_DIGESTS


def test_the_digest_of_a_compressed_and_later_recording_is_the_same(
    captures: dict[str, Any], repository: Path, tmp_path: Path
) -> None:
    text = (repository / "arb_pipeline_tests/fixtures/coinbase/advanced.jsonl").read_bytes()
    with gzip.open(tmp_path / "later.jsonl.gz", "wb") as file:
        file.write(text.replace(b'"ts":1790000', b'"ts":1790007'))
    (later,) = replay_captures([tmp_path])["captures"].values()
    assert later["books_digest"] == captures["advanced.jsonl"]["books_digest"]
    assert later["instruments"]["SOL-USD"]["least_age_ns"] == 10_000_000 + 7_000 * 10**9
