"""Synthetic books stay books: uncrossed, of a real size, near the price, and equal to the sum of their changes."""

from itertools import pairwise

import pytest

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.market.changes import LevelsChanged, Traded
from streaming_worker.sandbox.market.spec import HISTORY_PACE
from streaming_worker.sandbox.market.stepper import Market

SECONDS = NANOS_PER_SECOND
VENUES = ("coinbase", "gemini")


@pytest.mark.parametrize("venue", VENUES)
def test_the_changes_add_up_to_the_book(market: Market, start_ns: int, venue: str) -> None:
    book = market.book(venue, "SOL-USD")
    assert book is not None
    held = {"bids": dict(book.bids.levels), "asks": dict(book.asks.levels)}
    for change in market.step(start_ns + 120 * SECONDS):
        if isinstance(change, LevelsChanged) and change.venue == venue:
            for side, levels in (("bids", change.bids), ("asks", change.asks)):
                held[side].update(levels)
                held[side] = {price: lots for price, lots in held[side].items() if lots}
            assert change.best_bid == max(held["bids"].items())
            assert change.best_ask == min(held["asks"].items())
            assert change.best_bid[0] < change.best_ask[0]
    assert held == {"bids": book.bids.levels, "asks": book.asks.levels}


def test_half_an_hour_leaves_books_of_a_few_hundred_levels_near_the_price(start_ns: int) -> None:
    market = Market.start(seed=11, start_ns=start_ns, pace=HISTORY_PACE)
    market.step(start_ns + 1_800 * SECONDS)
    for book in market.books:
        for side in (book.bids, book.asks):
            assert 200 <= len(side.levels) <= 500
            assert side.best == side.sorted_levels()[0][0]
        spread_bps = (book.asks.best - book.bids.best) * 20_000 / (book.asks.best + book.bids.best)
        assert 0.1 < spread_bps < 6


def test_update_ids_rise_and_trades_are_taken_from_the_best_level(market: Market, start_ns: int) -> None:
    latest = {"coinbase": 0, "gemini": 0, "bitstamp": 0}
    trades = 0
    changes = market.step(start_ns + 60 * SECONDS)
    for change, following in pairwise(changes):
        if isinstance(change, LevelsChanged):
            assert change.update_id >= latest[change.venue]
            latest[change.venue] = change.update_id
        elif isinstance(change, Traded):
            trades += 1
            assert isinstance(following, LevelsChanged)
            best = following.best_ask if change.trade.taker_buys else following.best_bid
            assert change.trade.price_ticks == best[0]
            assert change.trade.lots > 0
            assert best in (following.asks if change.trade.taker_buys else following.bids)
    assert trades > 100


def test_a_thousand_dollars_fit_into_the_first_levels(market: Market, start_ns: int) -> None:
    market.step(start_ns + 30 * SECONDS)
    for book in market.books:
        value = 0
        for ticks, lots in book.asks.sorted_levels()[:5]:
            value += ticks * lots // 10 ** (book.spec.price_decimals + book.spec.size_decimals)
        assert value > 1_000


def test_venues_repeat_levels_and_remove_absent_ones(market: Market, start_ns: int) -> None:
    book = market.book("gemini", "SOL-USD")
    assert book is not None
    held = dict(book.bids.levels) | dict(book.asks.levels)
    repeated = absent = 0
    for change in market.step(start_ns + 120 * SECONDS):
        if isinstance(change, LevelsChanged) and change.venue == "gemini":
            for price, lots in (*change.bids, *change.asks):
                repeated += lots > 0 and held.get(price) == lots
                absent += lots == 0 and price not in held
                held[price] = lots
                if not lots:
                    del held[price]
    assert repeated > 5
    assert absent > 5
