"""The market is a function of its seed: not of the size of the steps, the process, or a reload."""

import hashlib
import subprocess
import sys

import pytest

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.market.changes import LevelsChanged, MarketChange
from streaming_worker.sandbox.market.spec import HISTORY_PACE, DislocationSpec, default_market
from streaming_worker.sandbox.market.stepper import Market

SECONDS = NANOS_PER_SECOND

DIGEST_SCRIPT = """
import hashlib, msgspec
from streaming_worker.sandbox.market.stepper import Market
market = Market.start(seed=7, start_ns=1_790_000_000_000_000_000)
changes = market.step(1_790_000_020_000_000_000)
print(hashlib.sha256(repr(changes).encode()).hexdigest())
"""


def digest(changes: list[MarketChange]) -> str:
    return hashlib.sha256(repr(changes).encode()).hexdigest()


def test_the_size_of_the_steps_changes_nothing(start_ns: int) -> None:
    whole = Market.start(seed=7, start_ns=start_ns)
    cut = Market.start(seed=7, start_ns=start_ns)
    at_once = whole.step(start_ns + 30 * SECONDS)
    in_pieces: list[MarketChange] = []
    for piece in range(1, 1 + 30 * 7):
        in_pieces += cut.step(start_ns + piece * SECONDS // 7)
    assert len(at_once) > 1_500
    assert digest(at_once) == digest(in_pieces)
    assert whole.dump() == cut.dump()


def test_another_seed_is_another_market(start_ns: int) -> None:
    one, two = (Market.start(seed=seed, start_ns=start_ns).step(start_ns + SECONDS) for seed in (7, 8))
    assert digest(one) != digest(two)


@pytest.mark.parametrize("pace", [None, HISTORY_PACE])
def test_a_reloaded_market_goes_on_as_if_it_had_never_stopped(start_ns: int, pace: object) -> None:
    market = Market.start(seed=3, start_ns=start_ns, spec=default_market(extra_books=True))
    market.pace = HISTORY_PACE if pace is HISTORY_PACE else market.pace
    market.step(start_ns + 50 * SECONDS)
    reloaded = Market.load(market.dump())
    assert digest(market.step(start_ns + 90 * SECONDS)) == digest(reloaded.step(start_ns + 90 * SECONDS))
    assert reloaded.dump() == market.dump()


def test_load_refuses_what_is_no_market() -> None:
    for data in (b"", b"[]", b'{"seed": 1}'):
        with pytest.raises(ValueError):
            Market.load(data)


def test_the_hash_seed_of_the_process_does_not_matter() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST_SCRIPT],
            env={"PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for hash_seed in ("1", "4242")
    }
    assert len(digests) == 1


def test_changes_come_in_time_order_and_within_the_step(market: Market, start_ns: int) -> None:
    changes = market.step(start_ns + 5 * SECONDS)
    moments = [change.ns for change in changes if not hasattr(change, "trade")]
    assert moments == sorted(moments)
    assert start_ns < moments[0]
    assert moments[-1] <= start_ns + 5 * SECONDS
    assert market.now_ns == start_ns + 5 * SECONDS
    assert market.next_ns() > market.now_ns


def test_live_books_change_20_to_60_times_a_second(market: Market, start_ns: int) -> None:
    changes = market.step(start_ns + 20 * SECONDS)
    for venue in ("coinbase", "gemini"):
        batches = [c for c in changes if isinstance(c, LevelsChanged) and c.venue == venue]
        assert 20 <= len(batches) / 20 <= 60
        sizes = sorted(len(c.bids) + len(c.asks) for c in batches)
        assert 2 <= sizes[len(sizes) // 2] <= 10
        assert sizes[-1] > 15


def test_time_that_is_skipped_moves_no_price(market: Market, start_ns: int) -> None:
    market.step(start_ns + 10 * SECONDS)
    before = (market.latents["SOL"].price_e8, market.pool.price_e8, [b.bids.top for b in market.books])
    later_ns = start_ns + 7_200 * SECONDS
    market.skip_to(later_ns)
    assert market.step(later_ns) == []
    assert (market.latents["SOL"].price_e8, market.pool.price_e8, [b.bids.top for b in market.books]) == before
    assert market.now_ns == later_ns
    first = market.step(later_ns + SECONDS)
    assert len(first) > 20
    assert all(c.ns > later_ns for c in first if isinstance(c, LevelsChanged))


def test_skipping_backwards_does_nothing(market: Market, start_ns: int) -> None:
    market.step(start_ns + SECONDS)
    before = market.dump()
    market.skip_to(start_ns)
    assert market.dump() == before


def test_redrawn_dislocations_keep_what_has_happened(market: Market, start_ns: int) -> None:
    market.pace = HISTORY_PACE
    market.step(start_ns + 600 * SECONDS)
    happened = market.dislocations.everything()
    assert happened
    market.redraw_dislocations(DislocationSpec(mean_interval_ns=0))
    market.step(start_ns + 900 * SECONDS)
    assert market.dislocations.everything() == happened
