"""Which accounts the local chain has, and what stands in them at a slot."""

from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from streaming_worker.core.amm.pool_state import WhirlpoolMarket
from streaming_worker.sandbox.faces.solana_accounts import (
    CLOCK_ADDRESS,
    Account,
    clock_account,
    mint_account,
    pool_account,
    tick_array_account,
    tick_array_address,
)
from streaming_worker.sandbox.market.changes import MarketChange, SlotAdvanced
from streaming_worker.sandbox.market.stepper import Market

_SLOTS_KEPT: Final = 128


def priority_fee(slot: int) -> int:
    """Return the least priority fee of a block, in micro-lamports per compute unit: mostly small, at times a rush."""
    mixed = slot * 2_654_435_761 % 2**32
    return 0 if mixed % 4 == 0 else (mixed >> 8) % 50_000 * (20 if mixed % 37 == 0 else 1)


class ReadableState(Protocol):
    """The chain at one slot."""

    @property
    def slot(self) -> int:
        """The slot."""
        ...

    def read(self, address: str) -> Account | None:
        """Return an account, or None where there is none."""
        ...


class ChainState:
    """Reads accounts of the market by address."""

    def __init__(self, market: Market) -> None:
        self._market = market
        pool = market.pool.market.pool
        self.pool_address = pool.address
        self._mints = {pool.token_mint_a: mint_account(9), pool.token_mint_b: mint_account(6)}
        self._past: deque[SlotAdvanced] = deque(maxlen=_SLOTS_KEPT)
        self._array_starts = {tick_array_address(pool.address, start): start for start in market.pool.market.arrays}

    @property
    def slot(self) -> int:
        """The newest slot."""
        return self._market.pool.slot

    def follow(self, changes: Sequence[MarketChange]) -> None:
        """Remember the latest blocks."""
        self._past.extend(change for change in changes if isinstance(change, SlotAdvanced))

    def behind(self, slots: int) -> "ReadableState":
        """Return the chain as a node knows it that is so many blocks late, as far back as is remembered."""
        if not self._past:
            return self
        return _PastState(self, self._past[-1 - min(slots, len(self._past) - 1)])

    def read(self, address: str) -> Account | None:
        """Return an account now, or None where there is none."""
        pool = self._market.pool
        return self._read(address, pool.market, pool.slot, pool.slot_ns)

    def read_at(self, address: str, change: SlotAdvanced) -> Account | None:
        """Return an account as it was right after a block."""
        return self._read(address, change.market, change.slot, change.ns)

    def written(self, change: SlotAdvanced) -> list[str]:
        """Return the addresses that a block wrote: the clock always, the pool and arrays when they changed."""
        addresses = [CLOCK_ADDRESS]
        if change.pool_written:
            addresses.append(self.pool_address)
        return addresses + [tick_array_address(self.pool_address, start) for start in change.arrays_written]

    def _read(self, address: str, market: WhirlpoolMarket, slot: int, slot_ns: int) -> Account | None:
        if address == self.pool_address:
            return pool_account(market.pool)
        if address == CLOCK_ADDRESS:
            return clock_account(slot, slot_ns)
        if address in self._array_starts:
            return tick_array_account(market, self._array_starts[address])
        return self._mints.get(address)


class _PastState:
    """The chain right after an earlier block."""

    def __init__(self, state: ChainState, change: SlotAdvanced) -> None:
        self._state = state
        self._change = change

    @property
    def slot(self) -> int:
        return self._change.slot

    def read(self, address: str) -> Account | None:
        return self._state.read_at(address, self._change)
