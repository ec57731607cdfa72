"""The quote bench times real swaps that cross what they say, and says when it has no pool state."""

import gzip
import json
from pathlib import Path

import pytest

from streaming_worker.adapters.clock import HandClock
from streaming_worker.errors import ConfigError
from streaming_worker.service.bench_quote import STATE_FILE, TICKS_CROSSED, run_bench_quote


def write_state(shared: Path, *, liquidity: int) -> None:
    ticks = [{"tick": tick, "net": "0", "gross": "1"} for tick in range(-352, 352, 4)]
    state = {
        "kind": "state",
        "state": "made",
        "pool": {
            "tick_spacing": 4,
            "fee_tier_index": 4,
            "fee_rate": 400,
            "protocol_fee_rate": 1_300,
            "liquidity": str(liquidity),
            "sqrt_price": str(2**64 + 2**40),
            "tick_current_index": 0,
            "fee_growth_global_a": "0",
            "fee_growth_global_b": "0",
        },
        "tick_arrays": [
            {"start": start, "ticks": [tick for tick in ticks if start <= tick["tick"] < start + 352]}
            for start in (-704, -352, 0, 352, 704)
        ],
    }
    (shared / STATE_FILE).parent.mkdir(parents=True)
    with gzip.open(shared / STATE_FILE, "wt") as lines:
        lines.write(json.dumps(state) + "\n")


def test_every_quote_and_curve_is_timed(tmp_path: Path) -> None:
    write_state(tmp_path, liquidity=10**15)
    report = run_bench_quote(tmp_path)
    assert [(quote["a_to_b"], quote["ticks_crossed"]) for quote in report["quotes"]] == [
        (a_to_b, crossed) for a_to_b in (True, False) for crossed in TICKS_CROSSED
    ]
    assert all(quote["median_us"] > 0 for quote in report["quotes"])
    assert [curve["segments"] for curve in report["curves"]] == [90, 88]
    assert all(curve["refresh_us"] > curve["largest_amount_in_us"] for curve in report["curves"])
    assert report["parts_us"]["tick_price_cached"] < report["parts_us"]["tick_price_computed"]


def test_the_clock_that_is_passed_in_is_the_one_that_counts(tmp_path: Path) -> None:
    write_state(tmp_path, liquidity=10**15)
    report = run_bench_quote(tmp_path, clock=HandClock())
    assert {quote["median_us"] for quote in report["quotes"]} == {0.0}


def test_a_folder_without_a_pool_state_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="whirlpool_swap_real"):
        run_bench_quote(tmp_path)
    write_state(tmp_path, liquidity=0)
    with pytest.raises(ConfigError, match="no curve"):
        run_bench_quote(tmp_path)


def test_the_real_state_is_timed_within_the_aims(shared_dir: Path) -> None:
    report = run_bench_quote(shared_dir)
    assert [curve["segments"] for curve in report["curves"]] == [237, 196]
    # five times the aim: a loaded machine may be slow, a lost algorithm is slower
    assert all(quote["median_us"] < 5 * quote["aim_us"] for quote in report["quotes"])
