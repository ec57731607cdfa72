"""Lines that were added to the fee schedule count from the next start on, for every program."""

from pathlib import Path

import pytest

from streaming_worker.config import load_config
from streaming_worker.config.added_fees import FILE_NAME, AddedFee, added_fees, changed_ns, write_fees
from streaming_worker.core.fees import taker_fee_at
from streaming_worker.core.instrument import Venue
from streaming_worker.errors import ConfigError

MARCH_NS = 1_772_323_200 * 10**9
"""2026-03-01 00:00 UTC."""


def fee(symbol: str | None, percent: str, valid_from: str, source: str = "console, ann: new tier") -> AddedFee:
    return AddedFee(venue="gemini", symbol=symbol, taker_percent=percent, valid_from=valid_from, source=source)


def in_force(data_dir: Path, at_ns: int, profile: str = "demo") -> int | None:
    engine = load_config(None, {"ARB_DATA_DIR": str(data_dir), "ARB_PROFILE": profile}).engine
    found = taker_fee_at(engine.taker_fees, venue=Venue.GEMINI, symbol="SOLUSD", now_ns=at_ns)
    return None if found is None else found.millionths


def test_an_added_line_holds_from_its_day_on(tmp_path: Path) -> None:
    before = in_force(tmp_path, MARCH_NS)
    write_fees(tmp_path / "state", [fee(None, "0.4", "2026-03-01"), fee("SOLUSD", "0.1234", "2026-04-01")])
    assert in_force(tmp_path, MARCH_NS - 1) == before == 2_500
    assert in_force(tmp_path, MARCH_NS) == 4_000
    assert in_force(tmp_path, MARCH_NS + 31 * 86_400 * 10**9) == 1_234


def test_an_added_line_takes_the_place_of_the_configured_one_of_its_day(tmp_path: Path) -> None:
    write_fees(tmp_path / "state", [fee(None, "0.35", "1970-01-01")])
    assert in_force(tmp_path, MARCH_NS) == 3_500
    config = load_config(None, {"ARB_DATA_DIR": str(tmp_path), "ARB_PROFILE": "demo"})
    assert len([one for one in config.engine.taker_fees if one.venue is Venue.GEMINI]) == 1


@pytest.mark.parametrize("symbol", [None, "SOLUSD"])
def test_until_the_first_line_of_a_market_its_fee_is_assumed_as_before(tmp_path: Path, symbol: str | None) -> None:
    write_fees(tmp_path / "state", [fee(symbol, "0.35", "2026-03-01")])
    assert in_force(tmp_path, MARCH_NS - 1, "live") == 4_000
    assert in_force(tmp_path, MARCH_NS, "live") == 3_500
    config = load_config(None, {"ARB_DATA_DIR": str(tmp_path), "ARB_PROFILE": "live"})
    assert sum("no taker fee is set for gemini:SOLUSD before its first line" in one for one in config.warnings) == 1


@pytest.mark.parametrize(
    "source", ['console, ann: "tier" \\ 2', "console, zo\u00eb: \U0001f600 \u20ac", "console, a: [[fees]] # x"]
)
def test_whatever_is_said_about_a_line_is_read_back(tmp_path: Path, source: str) -> None:
    lines = [fee("SOLUSD", "0.25", "2026-03-01", source), fee(None, "10", "2026-03-02", source)]
    write_fees(tmp_path, lines)
    assert added_fees(tmp_path) == lines
    assert changed_ns(tmp_path) is not None


def test_without_the_file_nothing_is_added(tmp_path: Path) -> None:
    assert (added_fees(tmp_path), changed_ns(tmp_path)) == ([], None)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[[fees]]\nvenue = 'gemini'\n", "taker_percent"),
        ("[limits]\nthreshold_bps = 1\n", "limits"),
        ("[[fees", "fees.toml"),
    ],
)
def test_a_file_that_is_not_understood_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / FILE_NAME).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=named):
        load_config(None, {"ARB_DATA_DIR": str(tmp_path)})
