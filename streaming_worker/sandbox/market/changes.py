"""What happened in the market, in whole ticks and lots; the faces turn it into each venue's text."""

from typing import TypeAlias

import msgspec

from streaming_worker.core.amm.pool_state import WhirlpoolMarket

Level: TypeAlias = tuple[int, int]
"""(price in ticks, size in lots); size 0 removes."""


class LevelsChanged(msgspec.Struct, frozen=True):
    """One batch of a book: absolute sizes, both sides, and the best levels after it."""

    venue: str
    symbol: str
    ns: int
    update_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    best_bid: Level
    best_ask: Level


class Trade(msgspec.Struct, frozen=True):
    """One trade on a book."""

    trade_id: int
    ns: int
    price_ticks: int
    lots: int
    taker_buys: bool


class Traded(msgspec.Struct, frozen=True):
    """A trade printed by a venue; the level it took from is in the LevelsChanged after it."""

    venue: str
    symbol: str
    trade: Trade


class SlotAdvanced(msgspec.Struct, frozen=True):
    """A block: the pool's market as it is after it, and which of its accounts were written.

    ``arrays_written`` lists start indexes. The market is immutable, so that it stays what it was at this slot.
    """

    ns: int
    slot: int
    parent: int
    root: int
    market: WhirlpoolMarket
    pool_written: bool
    arrays_written: tuple[int, ...]


MarketChange: TypeAlias = LevelsChanged | Traded | SlotAdvanced
