"""The accounts of one Whirlpool market: which ones it needs, which slot of each is held, what they decode to.

No message is built or read here; solana.py does that.
"""

from collections.abc import Iterable
from typing import Final

from streaming_worker.core.amm.pool_state import TickArray, WhirlpoolState
from streaming_worker.core.amm.whirlpool_ticks import arrays_around
from streaming_worker.core.events import Event, OracleUpdate, PoolUpdate, TickArrayUpdate
from streaming_worker.core.instrument import Pool
from streaming_worker.core.sequence import Continuity, SlotOrder
from streaming_worker.core.units import Nanos
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.solana_rpc import Account
from streaming_worker.protocols.whirlpool import (
    decode_oracle,
    decode_tick_array,
    decode_whirlpool,
    oracle_address,
    tick_array_address,
)

CLOCK_ADDRESS: Final = "SysvarC1ock11111111111111111111111111111111"


class PoolAccounts:
    """One pool, its tick arrays and its oracle. Arrays once needed stay known for the connection's life."""

    def __init__(self, pool: Pool) -> None:
        self.key = pool.key
        self.address = pool.address
        self._state: WhirlpoolState | None = None
        self._oracle: str | None = None
        self._starts: dict[str, int] = {}
        self._window: tuple[str, ...] = ()
        self._unsubscribed: list[str] = []
        self._orders: dict[str, SlotOrder] = {}
        self._held: dict[str, bytes] = {}

    def forget_accounts(self) -> None:
        """Start over: which arrays matter follows from the pool's next state."""
        self._state = self._oracle = None
        self._starts.clear()
        self._window = ()
        self._unsubscribed.clear()
        self.forget_states()

    def forget_states(self) -> None:
        """Take whatever comes next as new, for what was said before is no longer trusted."""
        self._orders.clear()
        self._held.clear()

    @property
    def addresses(self) -> list[str]:
        """Every account to be notified of: the pool, its arrays in ascending order, its oracle."""
        arrays = sorted(self._starts, key=self._starts.__getitem__)
        return [self.address, *arrays, *_present(self._oracle)]

    def take_unsubscribed(self) -> list[str]:
        """Return, once, the accounts that the last states brought in."""
        addresses, self._unsubscribed = self._unsubscribed, []
        return addresses

    @property
    def read_addresses(self) -> list[str]:
        """The accounts to read in one call.

        The pool comes first and last: a call is not atomic, and two different copies show it. The clock says which
        bank was read. Source: agave issue 4807.
        """
        return [self.address, CLOCK_ADDRESS, *self._window, *_present(self._oracle), self.address]

    @property
    def written_addresses(self) -> list[str]:
        """The accounts that every swap writes: the pool and its vaults; empty before its first state.

        Tick arrays depend on the swap's direction and are left out: asking for all of them would find no transaction.
        """
        state = self._state
        return [] if state is None else [self.address, state.token_vault_a, state.token_vault_b]

    @property
    def last_slot(self) -> int:
        """The slot of the pool state held; 0 when there is none."""
        order = self._orders.get(self.address)
        return 0 if order is None or order.last is None else order.last

    def is_read_by(self, addresses: Iterable[str]) -> bool:
        """Whether a call for ``addresses`` covers everything that a quote can need now."""
        return self._state is not None and set(self.read_addresses) <= set(addresses)

    def notified(self, address: str, account: Account, slot: int, received_ns: Nanos) -> list[Event]:
        """Take a notification. Raises FeedFormatError."""
        if self._order(address).check(slot) is Continuity.OLD:
            return []
        return self._take(address, account, slot, received_ns)

    def polled(self, address: str, account: Account | None, slot: int, received_ns: Nanos) -> list[Event]:
        """Take an account read by a call; None where there is none. Raises FeedFormatError."""
        if self._order(address).check_poll(slot) is Continuity.OLD:
            return []
        return self._take(address, account, slot, received_ns)

    def _order(self, address: str) -> SlotOrder:
        return self._orders.setdefault(address, SlotOrder())

    def _take(self, address: str, account: Account | None, slot: int, received_ns: Nanos) -> list[Event]:
        data = b"" if account is None else account.data[0]
        owner = "" if account is None else account.owner
        if address == self.address:
            return [PoolUpdate(self.key, slot, self._pool(data, owner), received_ns)]
        if self._held.get(address) == data:
            return []
        if address == self._oracle:
            event: Event = OracleUpdate(self.key, slot, decode_oracle(data, owner=owner), received_ns)
        elif address in self._starts:
            event = TickArrayUpdate(self.key, slot, self._array(address, data, owner), received_ns)
        else:
            return []
        self._held[address] = data
        return [event]

    def _pool(self, data: bytes, owner: str) -> WhirlpoolState:
        state = decode_whirlpool(self.address, data, owner=owner)
        starts = arrays_around(state)
        known = {start: address for address, start in self._starts.items()}
        for start in starts:
            if start not in known:
                known[start] = tick_array_address(owner, self.address, start)
                self._starts[known[start]] = start
                self._unsubscribed.append(known[start])
        self._window = tuple(known[start] for start in starts)
        if state.is_adaptive_fee and self._oracle is None:
            self._oracle = oracle_address(owner, self.address)
            self._unsubscribed.append(self._oracle)
        self._state = state
        return state

    def _array(self, address: str, data: bytes, owner: str) -> TickArray:
        start = self._starts[address]
        if not data:
            return TickArray(start, ())
        assert self._state is not None
        whirlpool, array = decode_tick_array(data, owner=owner, tick_spacing=self._state.tick_spacing)
        if whirlpool != self.address or array.start_tick_index != start:
            received = f"{array.start_tick_index} of {whirlpool}"
            raise FeedFormatError(f"tick array {address}: expected {start} of {self.address}, received {received}")
        return array


def _present(address: str | None) -> tuple[str, ...]:
    return () if address is None else (address,)
