"""Solana pools over JSON-RPC: notifications of accounts and slots, and calls that check them.

"Only changes are pushed", nothing is replayed and nothing is numbered, so that a state is read by a call once its
subscriptions stand, and again every some slots. Account bytes are decoded elsewhere (solana_pool.py, whirlpool.py).
Source: solana.com/docs/rpc/websocket.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from streaming_worker.core.events import ChainClock, Event, FeedConnected, GapCause, SlotAdvanced
from streaming_worker.core.instrument import Pool
from streaming_worker.core.units import I64_MAX, NANOS_PER_MILLISECOND, NANOS_PER_SECOND, Nanos
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols import solana_rpc as rpc
from streaming_worker.protocols.base import BookCopy, HttpRequest
from streaming_worker.protocols.priority_fees import PriorityFeeWatch, fee_events
from streaming_worker.protocols.resync import BookTrust
from streaming_worker.protocols.solana_pool import CLOCK_ADDRESS, PoolAccounts
from streaming_worker.protocols.whirlpool import decode_clock

CHECK_EVERY_SLOTS: Final = 25
_RETRY_AFTER_SLOTS: Final = 5
_MOST_UNKNOWN: Final = 256
_REPLY_WAIT_NS: Final = 4 * NANOS_PER_SECOND
_REPLY_WAIT_EACH_NS: Final = 250 * NANOS_PER_MILLISECOND
"""Requests are sent at a pace: one behind many others is given the time until it is sent."""
_MOST_ASKED: Final = 4


@dataclass(frozen=True, slots=True)
class _Asked:
    """A subscription that waits for its reply; ``pool`` None for the one of slots."""

    pool: PoolAccounts | None
    address: str
    due_ns: Nanos
    times: int


class Solana:
    """One feed of one node: its pools over a socket, checked by calls; owns neither and reads no clock."""

    keepalive: bytes | None = None
    complaint: str | None = None

    def __init__(
        self,
        feed: str,
        pools: Sequence[Pool],
        *,
        commitment: str = "processed",
        check_every_slots: int = CHECK_EVERY_SLOTS,
        asks_priority_fees: bool = False,
    ) -> None:
        self.feed = feed
        self.counters: Counter[str] = Counter()
        self.reconnect_reason: str | None = None
        self._pools = {pool.key: PoolAccounts(pool) for pool in pools}
        self._trust = BookTrust(feed, self._pools)
        self._commitment = commitment
        self._check_every_slots = check_every_slots
        self._fees = PriorityFeeWatch(check_every_slots) if asks_priority_fees else None
        self._slot = 0
        self._clock_slot = 0
        self._requests = 0
        self._has_slots = False
        self._now_ns: Nanos = 0
        self._asked: dict[int, _Asked] = {}
        self._superseded: set[int] = set()
        self._ending: set[int] = set()
        self._subscribed: dict[int, tuple[PoolAccounts, str]] = {}
        self._unknown: list[tuple[rpc.AccountParams, Nanos]] = []
        self._next_check_slot: dict[str, int] = {}
        self._stands_since_slot: dict[str, int] = {}
        self._outgoing: list[bytes] = []
        self._calls: list[HttpRequest] = []
        self._frames = msgspec.json.Decoder(rpc.RpcFrame)
        self._account_params = msgspec.json.Decoder(rpc.AccountParams)
        self._slot_params = msgspec.json.Decoder(rpc.SlotParams)
        self._numbers = msgspec.json.Decoder(int)

    def opened(self, connection: int, received_ns: Nanos) -> list[Event]:
        """Start a fresh connection: subscription ids restart, and every pool is read by a call."""
        self._trust.forget()
        self.reconnect_reason = None
        self._now_ns = received_ns
        self._requests = self._slot = 0
        self._has_slots = False
        for of_the_old_connection in (
            self._asked, self._superseded, self._ending, self._subscribed, self._unknown, self._next_check_slot,
            self._stands_since_slot, self._outgoing, self._calls,
        ):  # fmt: skip
            of_the_old_connection.clear()
        if self._fees is not None:
            self._fees.forget()
        for pool in self._pools.values():
            pool.forget_accounts()
            self._call(pool)
        return [FeedConnected(self.feed, connection, received_ns)]

    def opening_messages(self) -> list[bytes]:
        """Return the subscriptions: slots, then each pool. Its arrays follow when its tick is known."""
        self._subscribe_slots()
        for pool in self._pools.values():
            self._subscribe(pool, pool.addresses)
        return self.outgoing()

    def receive(self, frame: bytes, received_ns: Nanos) -> list[Event]:
        """Decode one frame. Raises FeedFormatError; the caller resynchronises."""
        self._now_ns = received_ns
        try:
            events = self._read(self._frames.decode(frame), received_ns)
        except (msgspec.MsgspecError, UnicodeDecodeError) as e:
            raise FeedFormatError(f"solana: {e} in {frame[:120]!r}") from e
        self._request_due(received_ns)
        self._ask_again(received_ns)
        return events

    def receive_http(self, request: HttpRequest, body: bytes, received_ns: Nanos) -> list[Event]:
        """Decode the answer to getMultipleAccounts, or to what is asked about fees. Raises FeedFormatError."""
        if PriorityFeeWatch.is_answered_by(request):
            return fee_events(request, body, self._slot, received_ns)
        addresses = rpc.requested_accounts(request.body or b"")
        pool = next((pool for pool in self._pools.values() if pool.address in addresses[:1]), None)
        if pool is None:
            raise FeedFormatError(f"solana: no call asked for {addresses[:1]}")
        try:
            return self._answer(pool, addresses, rpc.accounts_reply(body), received_ns)
        except FeedFormatError as e:
            raise FeedFormatError(f"{pool.key}: {e}", instrument=pool.key) from e

    def resync(self, instrument: str | None, cause: GapCause, received_ns: Nanos) -> list[Event]:
        """Distrust a pool (or all), subscribe to its accounts again and read them anew."""
        gap = self._trust.lose(instrument, cause, received_ns)
        for key, pool in self._pools.items():
            if instrument in (None, key):
                pool.forget_states()
        self._request_due(received_ns)
        return [gap]

    def check(self, instrument: str, _received_ns: Nanos) -> None:
        """Read a pool again; a state that no notification told of comes out as an update."""
        self._call(self._pools[instrument])

    def copies(self) -> list[BookCopy]:
        """Return nothing: what a call reads is the state itself."""
        return []

    def outgoing(self) -> list[bytes]:
        """Return and clear the frames to send now."""
        frames, self._outgoing = self._outgoing, []
        return frames

    def http_requests(self) -> list[HttpRequest]:
        """Return and clear the calls to make now."""
        calls, self._calls = self._calls, []
        return calls

    def _read(self, frame: rpc.RpcFrame, received_ns: Nanos) -> list[Event]:
        match frame.method:
            case "accountNotification":
                return self._notified(self._account_params.decode(frame.params), received_ns)
            case "slotNotification":
                return self._advance(self._slot_params.decode(frame.params).result.slot, received_ns)
            case None:
                return self._reply(frame)
            case _:
                self.counters["unknown_channels"] += 1
                return []

    def _advance(self, slot: int, received_ns: Nanos) -> list[Event]:
        self._slot = max(self._slot, slot)
        for pool in self._pools.values():
            if self._slot >= self._next_check_slot.setdefault(pool.key, self._slot + _RETRY_AFTER_SLOTS):
                self.counters["checks"] += 1
                self._call(pool)
        if self._fees is not None:
            self._calls += self._fees.due(self._slot, self._pools.values())
        return [SlotAdvanced(self.feed, slot, received_ns)]

    def _notified(self, params: rpc.AccountParams, received_ns: Nanos) -> list[Event]:
        """Take a notification; one may come before the reply that says which account it is of."""
        subscribed = self._subscribed.get(params.subscription)
        if subscribed is None:
            self.counters["early_notifications"] += 1
            self._unknown = [*self._unknown[1 - _MOST_UNKNOWN :], (params, received_ns)]
            return []
        pool, address = subscribed
        change = params.result
        try:
            events = pool.notified(address, change.value, change.context.slot, received_ns)
        except FeedFormatError as e:
            raise FeedFormatError(f"{pool.key}: {e}", instrument=pool.key) from e
        if not events:
            self.counters["old_or_repeated"] += 1
        self._subscribe(pool, pool.take_unsubscribed())
        return events

    def _reply(self, frame: rpc.RpcFrame) -> list[Event]:
        if isinstance(frame.id, int) and self._is_over(frame.id, frame):
            return []
        if not isinstance(frame.id, int) or frame.id not in self._asked:
            raise FeedFormatError(f"solana: expected a notification or a reply to us, received {frame}"[:300])
        asked = self._asked.pop(frame.id)
        if frame.error is not None:
            what = "slots" if asked.pool is None else f"{asked.address} of {asked.pool.key}"
            raise FeedFormatError(
                f"solana refused to subscribe to {what}: {frame.error.code} {frame.error.message}",
                instrument=None if asked.pool is None else asked.pool.key,
            )
        subscription = self._numbers.decode(frame.result)
        if asked.pool is None:
            self._has_slots = True
            return []
        return self._confirmed(asked.pool, asked.address, subscription)

    def _is_over(self, request: int, frame: rpc.RpcFrame) -> bool:
        """Whether a reply is to a request that no longer matters; a subscription that nobody waits for is ended."""
        if request in self._ending:
            self._ending.discard(request)
            return True
        if request not in self._superseded:
            return False
        self._superseded.discard(request)
        if frame.error is None:
            self._unsubscribe(self._numbers.decode(frame.result))
        return True

    def _confirmed(self, pool: PoolAccounts, address: str, subscription: int) -> list[Event]:
        """Note a subscription, take what came too early, and read the pool once all its subscriptions stand."""
        self._subscribed[subscription] = pool, address
        early = [known for known in self._unknown if known[0].subscription == subscription]
        self._unknown = [known for known in self._unknown if known[0].subscription != subscription]
        events = [event for params, came_ns in early for event in self._notified(params, came_ns)]
        if all(waiting.pool is not pool for waiting in self._asked.values()):
            self._stands_since_slot[pool.key] = self._slot
            self._call(pool)
        return events

    def _answer(
        self, pool: PoolAccounts, addresses: list[str], reply: rpc.AccountsReply, received_ns: Nanos
    ) -> list[Event]:
        if reply.error is not None and reply.error.code in rpc.BUSY_CODES:
            self.counters["busy_answers"] += 1
            self._next_check_slot[pool.key] = self._slot + _RETRY_AFTER_SLOTS
            return []
        read = reply.result
        if read is None or len(read.value) != len(addresses):
            raise FeedFormatError(f"expected {len(addresses)} accounts, received {reply}"[:300])
        if read.value[0] != read.value[-1]:
            self.counters["torn_reads"] += 1
            self._next_check_slot[pool.key] = self._slot + 1
            return []
        events: list[Event] = []
        for address, account in zip(addresses, read.value, strict=True):
            if address == CLOCK_ADDRESS:
                events += self._clock(account, received_ns)
            else:
                events += pool.polled(address, account, read.context.slot, received_ns)
        if pool.is_read_by(addresses):
            self._trust.trust(pool.key)
        self._subscribe(pool, pool.take_unsubscribed())
        return events

    def _clock(self, account: rpc.Account | None, received_ns: Nanos) -> list[Event]:
        if account is None:
            raise FeedFormatError("expected the clock, received no account")
        slot, unix_timestamp = decode_clock(account.data[0])
        if slot > I64_MAX:
            raise FeedFormatError(f"expected a clock slot below 2^63, received {slot}")
        if slot <= self._clock_slot:
            return []
        self._clock_slot = slot
        return [ChainClock(self.feed, slot, unix_timestamp, received_ns)]

    def _request_due(self, received_ns: Nanos) -> None:
        due = [self._pools[key] for key in self._trust.take_due(received_ns)]
        if due and not self._has_slots:
            self._subscribe_slots()
        for pool in due:
            for subscription in [number for number, (owner, _) in self._subscribed.items() if owner is pool]:
                del self._subscribed[subscription]
                self._unsubscribe(subscription)
            pool.take_unsubscribed()
            self._subscribe(pool, pool.addresses)

    def _ask_again(self, now_ns: Nanos) -> None:
        """A lost request or reply must not leave a pool to its checks: ask again, and in the end connect anew."""
        for late in [asked for asked in self._asked.values() if now_ns >= asked.due_ns]:
            if late.times >= _MOST_ASKED:
                self.reconnect_reason = "it does not answer subscriptions"
                return
            self.counters["subscriptions_asked_again"] += 1
            if late.pool is None:
                self._subscribe_slots(late.times + 1)
            else:
                self._subscribe(late.pool, [late.address], late.times + 1)

    def _subscribe(self, pool: PoolAccounts, addresses: Iterable[str], times: int = 1) -> None:
        for address in addresses:
            request = self._asking(pool, address, times)
            self._outgoing.append(rpc.subscribe_account(request, address, self._commitment))

    def _subscribe_slots(self, times: int = 1) -> None:
        self._outgoing.append(rpc.subscribe_slots(self._asking(None, "", times)))

    def _unsubscribe(self, subscription: int) -> None:
        self._requests += 1
        self._ending.add(self._requests)
        self._outgoing.append(rpc.unsubscribe_account(self._requests, subscription))

    def _asking(self, pool: PoolAccounts | None, address: str, times: int) -> int:
        """Number a request; it takes the place of an earlier one for the same, so that asking twice does no harm."""
        for request in [n for n, asked in self._asked.items() if asked.pool is pool and asked.address == address]:
            del self._asked[request]
            # A second subscription of slots only says twice what is said once.
            (self._ending if pool is None else self._superseded).add(request)
        self._requests += 1
        due_ns = self._now_ns + _REPLY_WAIT_NS + len(self._asked) * _REPLY_WAIT_EACH_NS
        self._asked[self._requests] = _Asked(pool, address, due_ns, times)
        return self._requests

    def _call(self, pool: PoolAccounts) -> None:
        """Read the pool's accounts, at a slot not before the one held and not before its subscriptions stood."""
        if self._slot:
            wait = self._check_every_slots if self._trust.is_trusted(pool.key) else _RETRY_AFTER_SLOTS
            self._next_check_slot[pool.key] = self._slot + wait
        least_slot = max(pool.last_slot, self._stands_since_slot.get(pool.key, 0))
        body = rpc.read_accounts(pool.read_addresses, self._commitment, least_slot)
        self._calls.append(HttpRequest(f"getMultipleAccounts {pool.key}", "POST", "", body))
