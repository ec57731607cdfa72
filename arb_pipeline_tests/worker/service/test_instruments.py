"""Terms of instruments: the venue's word, else its last one, else the configuration; every difference is named."""

from pathlib import Path

import msgspec

from arb_pipeline_tests.fixtures.frames import NOW_NS, instrument
from streaming_worker.core.instrument import Venue
from streaming_worker.core.units import NANOS_PER_HOUR
from streaming_worker.protocols.listings import Listed
from streaming_worker.service.instruments import Kept, Source, load_kept, settle

SOL = instrument(Venue.COINBASE, "SOL-USD")
KEY = SOL.key
LISTED = Listed(
    symbol="SOL-USD", base="SOL", quote="USD", price_tick_e8=10**6, lot_e8=1, min_size_e8=1, min_notional_e8=10**8,
    aliases=("SOL-USDC",),
)  # fmt: skip


def _kept(hours: int, **changed: object) -> dict[str, Kept]:
    return {KEY: Kept(read_ns=NOW_NS - hours * NANOS_PER_HOUR, listed=msgspec.structs.replace(LISTED, **changed))}


def test_the_venue_s_word_wins_and_is_kept() -> None:
    outcome = settle([SOL], {KEY: [LISTED]}, {}, {}, NOW_NS)
    (terms,) = outcome.terms
    assert (terms.source, terms.age_ns, terms.status) == (Source.VENUE, 0, "")
    assert (terms.instrument.price_tick_e8, terms.instrument.aliases) == (10**6, ("SOL-USDC",))
    assert (outcome.problems, outcome.warnings) == ((), ())
    assert outcome.kept == {KEY: Kept(read_ns=NOW_NS, listed=LISTED)}
    assert outcome.reading() == {f"source.{KEY}": "venue", f"age_ns.{KEY}": 0, f"status.{KEY}": None}


def test_a_step_that_differs_from_the_configuration_is_named_the_first_time() -> None:
    finer = msgspec.structs.replace(LISTED, price_tick_e8=10**5, min_notional_e8=None)
    outcome = settle([SOL], {KEY: [finer]}, {}, {}, NOW_NS)
    assert outcome.warnings == ("coinbase:SOL-USD: price_tick is 0.001, configured 0.01",)
    assert outcome.terms[0].instrument.price_tick_e8 == 10**5
    assert outcome.terms[0].instrument.min_notional_e8 == SOL.min_notional_e8
    assert settle([SOL], {KEY: [finer]}, {}, outcome.kept, NOW_NS).warnings == ()


def test_a_step_that_changed_since_the_last_start_is_named() -> None:
    outcome = settle([SOL], {KEY: [LISTED]}, {}, _kept(5, lot_e8=1_000, min_size_e8=None), NOW_NS)
    assert outcome.warnings == ("coinbase:SOL-USD: lot is 0.00000001, at the last start 0.00001",)


def test_a_status_that_is_not_open_and_another_pair_are_problems() -> None:
    closed = msgspec.structs.replace(LISTED, status="post_only", quote="EUR")
    outcome = settle([SOL], {KEY: [closed]}, {}, {}, NOW_NS)
    assert outcome.problems == (
        "coinbase:SOL-USD: not open for trading (post_only)",
        "coinbase:SOL-USD: the venue trades SOL/EUR under this symbol, configured is SOL/USD",
    )
    assert outcome.terms[0].status == "post_only"


def test_without_an_answer_the_last_one_counts_and_says_its_age() -> None:
    outcome = settle([SOL], {}, {KEY: "no answer"}, _kept(3, lot_e8=1_000), NOW_NS)
    (terms,) = outcome.terms
    assert (terms.source, terms.instrument.lot_e8) == (Source.CACHE, 1_000)
    assert outcome.warnings == ("coinbase:SOL-USD: no answer; going by its answer of 3.0 hours ago",)
    assert (outcome.problems, outcome.kept) == ((), _kept(3, lot_e8=1_000))


def test_an_old_answer_and_one_that_said_closed_are_problems() -> None:
    assert settle([SOL], {}, {KEY: "no answer"}, _kept(24), NOW_NS).problems == (
        "coinbase:SOL-USD: no answer; going by its answer of 24.0 hours ago",
    )
    assert settle([SOL], {}, {KEY: "no answer"}, _kept(1, status="closed"), NOW_NS).problems == (
        "coinbase:SOL-USD: no answer; going by its answer of 1.0 hours ago, which says closed",
    )


def test_without_any_answer_ever_the_configuration_counts() -> None:
    outcome = settle([SOL], {}, {KEY: "no answer"}, {}, NOW_NS)
    assert (outcome.terms[0].source, outcome.terms[0].instrument) == (Source.CONFIGURATION, SOL)
    assert outcome.problems == ("coinbase:SOL-USD: no answer; going by the configuration",)


def test_a_symbol_that_its_venue_does_not_list_is_a_problem() -> None:
    other = msgspec.structs.replace(LISTED, symbol="SOL-EUR")
    outcome = settle([SOL], {KEY: [other]}, {}, _kept(1), NOW_NS)
    assert outcome.problems == ("coinbase:SOL-USD: its venue does not list it; going by its answer of 1.0 hours ago",)


def test_what_nobody_asked_for_goes_by_its_configuration_without_a_word() -> None:
    outcome = settle([SOL], {}, {}, _kept(1), NOW_NS)
    assert (outcome.terms[0].source, outcome.problems, outcome.warnings) == (Source.CONFIGURATION, (), ())


def test_spot_and_perpetual_of_one_pair_stay_two_instruments() -> None:
    spot, perpetual = instrument(Venue.GEMINI, "SOLUSDC"), instrument(Venue.GEMINI, "SOLUSDCPERP")
    listed = [
        Listed(symbol="SOLUSDC", base="SOL", quote="USD", price_tick_e8=10**5),
        Listed(symbol="SOLUSDCPERP", base="SOL", quote="USD", price_tick_e8=5 * 10**5),
    ]
    outcome = settle([spot, perpetual], {spot.key: listed, perpetual.key: listed}, {}, {}, NOW_NS)
    assert [terms.instrument.price_tick_e8 for terms in outcome.terms] == [10**5, 5 * 10**5]
    assert list(outcome.kept) == ["gemini:SOLUSDC", "gemini:SOLUSDCPERP"]


def test_what_was_kept_comes_back_and_damage_is_nothing(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    assert load_kept(file) == {}
    file.write_bytes(msgspec.json.encode(_kept(2)))
    assert load_kept(file) == _kept(2)
    for damage in (b"{", b"[]", b"\xff", b'{"a":{"read_ns":1}}'):
        file.write_bytes(damage)
        assert load_kept(file) == {}
