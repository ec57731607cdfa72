"""The prices of every market over an hour, as the replayed engine held them: what the statistics are made of.

A market is looked at every 100 ms, and at every event while an episode is open; a row is kept when something changed.
A market that is not trusted has no price from then on, so that nothing is measured across a gap.
"""

from typing import NamedTuple

from streaming_worker.core.outputs import Opportunity, OpportunityOpened, Output
from streaming_worker.engine.gates import is_live
from streaming_worker.engine.state import BookView, EngineState, PoolView


class Prices(NamedTuple):
    """Best bid, best ask and reference price x 1e8; None where there is none or it is not trusted."""

    best_bid_e8: int | None = None
    best_ask_e8: int | None = None
    price_e8: int | None = None


class Top(NamedTuple):
    """One row of ``market_tops``, its keys aside."""

    market: str
    received_ns: int
    prices: Prices


_NONE = Prices()


class TopsWatch:
    """Follows one engine; ``tops`` has the changes in the order of time."""

    def __init__(self, state: EngineState) -> None:
        self.tops: list[Top] = []
        self._state = state
        self._last: dict[str, Prices] = {}
        self._open = sum(route.episode is not None for route in state.routes)
        self._has_spoken = False

    def follow(self, output: Output) -> None:
        """Take note of an output: an episode may have opened or closed."""
        if isinstance(output, OpportunityOpened):
            self._open += 1
            self._has_spoken = True
        elif isinstance(output, Opportunity):
            self._open -= 1
            self._has_spoken = True

    @property
    def is_close(self) -> bool:
        """Return whether every event matters: an episode is open, or has just closed."""
        return self._open > 0 or self._has_spoken

    def look(self) -> None:
        """Keep the prices that changed since the last look."""
        self._has_spoken = False
        for market, book in self._state.books.items():
            self._note(market, _book_prices(self._state, book))
        for market, pool in self._state.pools.items():
            self._note(market, _pool_prices(self._state, pool))

    def end(self) -> None:
        """The run is over: nothing is known from here on."""
        for market in self._last:
            self._note(market, _NONE)

    def _note(self, market: str, prices: Prices) -> None:
        if self._last.get(market) != prices:
            self._last[market] = prices
            self.tops.append(Top(market, self._state.now_ns, prices))


def _book_prices(state: EngineState, view: BookView) -> Prices:
    if not view.is_synced or not is_live(state, view.feed):
        return _NONE
    bid, ask = view.book.best_bid, view.book.best_ask
    if bid is None or ask is None:
        return _NONE
    return Prices(bid[0], ask[0], (bid[0] + ask[0]) // 2)


def _pool_prices(state: EngineState, view: PoolView) -> Prices:
    if not view.is_synced or not view.routes or not is_live(state, view.feed):
        return _NONE
    return Prices(price_e8=view.routes[0].pool_mid_e8)
