"""Gemini market data, the new API: ``depth@100ms`` books and trades.

The connection must ask for whole books (``?snapshot=-1``), else only changes come. Not for v2 (gemini_v2.py).
Source: developer.gemini.com/websocket (introduction, streams; change log of 2026-07-23).
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from streaming_worker.core.events import (
    BookDelta,
    BookSnapshot,
    Event,
    FeedHeartbeat,
    GapCause,
    TakerSide,
    TradePrint,
)
from streaming_worker.core.instrument import Instrument
from streaming_worker.core.sequence import Continuity, UpdateIds
from streaming_worker.core.units import Nanos, parse_e8, parse_fixed
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.base import WholeNumber
from streaming_worker.protocols.copies import read_gemini
from streaming_worker.protocols.levels import encode_frame, keys_by_symbol, parse_levels
from streaming_worker.protocols.snapshot_feed import SnapshotFeed
from streaming_worker.protocols.timestamps import milliseconds_ns, plausible_ns

_OK: Final = 200
_PING: Final = "ping"
_STEPS_TO_TELL: Final = 5
_TIME: Final = "time"
_NULL: Final = msgspec.Raw(b"null")
_ERROR: Final = msgspec.Raw(b'"error"')
_COPY_PATH: Final = "/v1/book/{symbol}?limit_bids={depth}&limit_asks={depth}"


class _Kind(msgspec.Struct, gc=False):
    """The fields that tell the messages apart: only depthUpdate names itself."""

    e: str | None = None
    s: str | None = None
    p: str | None = None
    B: str | None = None
    id: str | int | None = None
    status: int = _OK
    result: msgspec.Raw = _NULL
    error: msgspec.Raw = _NULL


class _Depth(msgspec.Struct):
    """``E`` is nanoseconds; ``b`` and ``a`` are unsorted, and a zero quantity removes."""

    E: WholeNumber
    U: WholeNumber
    u: WholeNumber
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]


class _Trade(msgspec.Struct):
    """``m`` is true when the buyer was the maker."""

    E: WholeNumber
    t: int
    p: str
    q: str
    m: bool


class _ServerTime(msgspec.Struct):
    serverTime: WholeNumber  # noqa: N815  # the venue's name


class Gemini(SnapshotFeed):
    """One feed of the new socket; owns no socket and reads no clock."""

    keepalive: bytes | None = encode_frame({"id": _PING, "method": "ping"})

    def __init__(self, feed: str, instruments: Sequence[Instrument], *, accepts_next_id: bool = False) -> None:
        self._keys = {symbol.lower(): key for symbol, key in keys_by_symbol(instruments).items()}
        symbols = {instrument.key: instrument.symbol.lower() for instrument in instruments}
        super().__init__(feed, instruments, symbols, copy_path=_COPY_PATH, read_copy=read_gemini)
        self._ids = {key: UpdateIds(accepts_next_id=accepts_next_id) for key in self._symbols}
        self._accepts_next_id = accepts_next_id
        self._steps = self._overlaps = 0
        self._leaving: dict[str, str] = {}
        self._asked: dict[str, str] = {}
        self._requests = 0
        self._kind = msgspec.json.Decoder(_Kind)
        self._depth = msgspec.json.Decoder(_Depth)
        self._trade = msgspec.json.Decoder(_Trade)
        self._server_time = msgspec.json.Decoder(_ServerTime)

    def opening_messages(self) -> list[bytes]:
        """Return the subscription: one depth stream per symbol, for two could not be told apart."""
        streams = [stream for symbol in self._symbols.values() for stream in _streams_of(symbol)]
        return [self._request("subscribe", streams)[1]]

    def receive(self, frame: bytes, received_ns: Nanos) -> list[Event]:
        """Decode one frame. Raises FeedFormatError; the caller resynchronises."""
        try:
            events = self._read(self._kind.decode(frame), frame, received_ns)
        except (msgspec.MsgspecError, UnicodeDecodeError) as e:
            raise FeedFormatError(f"gemini: {e} in {frame[:120]!r}") from e
        self._request_due(received_ns)
        return events

    def _read(self, kind: _Kind, frame: bytes, received_ns: Nanos) -> list[Event]:
        if kind.e == "depthUpdate" or kind.p is not None:
            return self._market(kind, frame, received_ns)
        if kind.id is not None or kind.result == _ERROR:
            return self._reply(kind, frame, received_ns)
        if kind.e is None and kind.B is None:
            raise FeedFormatError(
                f"gemini: expected a depth update, trade, book ticker or reply, received {frame[:120]!r}"
            )
        self.counters["unknown_channels" if kind.B is None else "book_tickers"] += 1
        return []

    def _market(self, kind: _Kind, frame: bytes, received_ns: Nanos) -> list[Event]:
        key = self._keys.get(kind.s or "")
        if key is None:
            self.counters["unknown_products"] += 1
            return []
        try:
            if kind.p is None:
                return self._update(key, self._depth.decode(frame), received_ns)
            return [self._print(self._trade.decode(frame), key, received_ns)]
        except (FeedFormatError, msgspec.MsgspecError) as e:
            # A trade that cannot be read harms no book.
            raise FeedFormatError(f"{key}: {e}", instrument=key, is_harmless=kind.p is not None) from e

    def _update(self, key: str, depth: _Depth, received_ns: Nanos) -> list[Event]:
        if depth.u < depth.U:
            raise FeedFormatError(f"expected U up to u, received U {depth.U} and u {depth.u}")
        if not self._trust.is_trusted(key):
            return self._first(key, depth, received_ns)
        ids, digits = self._ids[key], self._size_digits[key]
        self._count_step(depth.U - ids.last)
        continuity = ids.check(depth.U, depth.u)
        if continuity is Continuity.OLD:
            self.counters["old_sequences"] += 1
            return []
        if continuity is Continuity.GAP:
            self.counters["sequence_gaps"] += 1
            self.counters.setdefault("one_id_steps", 0)
            cause = GapCause.UPDATE_ID
            return [self._trust.lose(key, cause, received_ns, expected=ids.last, received=depth.U)]
        bids = parse_levels(depth.b, digits, is_snapshot=False)
        asks = parse_levels(depth.a, digits, is_snapshot=False)
        return [BookDelta(key, bids, asks, plausible_ns(depth.E), received_ns, depth.u)]

    def _count_step(self, step: int) -> None:
        """Count the steps of one id, which some take for contiguous, against the overlaps of this connection."""
        if step == 1:
            self._steps += 1
            self.counters["one_id_steps"] += 1
        elif step <= 0:
            self._overlaps += 1

    @property
    def complaint(self) -> str | None:
        """Say so when steps of one id are the norm of this connection: each is a gap unless it is accepted."""
        if self._steps < _STEPS_TO_TELL or self._steps <= self._overlaps:
            return None
        rule = "accepted" if self._accepts_next_id else "each taken for a gap; integrity.gemini_accepts_next_id accepts"
        return f"updates follow without overlap, {self._steps} of {self._steps + self._overlaps}: {rule}"

    def _first(self, key: str, depth: _Depth, received_ns: Nanos) -> list[Event]:
        """Read the first update of a subscription. It is the snapshot; U == u is all that tells it from a change."""
        if depth.u == depth.U and key not in self._leaving.values():
            digits = self._size_digits[key]
            bids = parse_levels(depth.b, digits, is_snapshot=True)
            asks = parse_levels(depth.a, digits, is_snapshot=True)
            self._ids[key].start(depth.u)
            self._trust.trust(key)
            return [BookSnapshot(key, bids, asks, plausible_ns(depth.E), received_ns, depth.u)]
        self.counters["deltas_without_snapshot"] += 1
        if self._trust.is_lost(key):
            return []
        return [self._trust.lose(key, GapCause.UNALIGNED_SNAPSHOT, received_ns, received=depth.U)]

    def _print(self, trade: _Trade, key: str, received_ns: Nanos) -> TradePrint:
        side = TakerSide.SELL if trade.m else TakerSide.BUY
        price, size = parse_e8(trade.p), parse_fixed(trade.q, self._size_digits[key])
        return TradePrint(key, str(trade.t), price, size, side, plausible_ns(trade.E), received_ns)

    def _reply(self, kind: _Kind, frame: bytes, received_ns: Nanos) -> list[Event]:
        request = str(kind.id)
        left = self._leaving.pop(request, None)
        if left is not None:
            # A refusal to end what never began must not keep it from being begun.
            symbol = self._symbols[left]
            streams = _streams_of(symbol) if self._trust.is_apart else [_depth_of(symbol)]
            again, message = self._request("subscribe", streams)
            self._asked[again] = left
            self._outgoing.append(message)
        if kind.status != _OK or kind.result == _ERROR or kind.error != _NULL:
            raise self._refused(request, frame, received_ns)
        if request == _PING:
            return [FeedHeartbeat(self.feed, None, None, received_ns)]
        if request == _TIME:
            server_ns = milliseconds_ns(self._server_time.decode(kind.result).serverTime)
            return [FeedHeartbeat(self.feed, server_ns, None, received_ns)]
        self.counters["acknowledgements"] += 1
        return []

    def _refused(self, request: str, frame: bytes, received_ns: Nanos) -> FeedFormatError:
        """Return what to say of a refusal, which harms no book that stands; all books at once are asked for apart."""
        self.counters["refusals"] += 1
        if request not in self._asked:
            self._trust.refuse()
            self._request_due(received_ns)
        return FeedFormatError(
            f"gemini refused: {frame[:200]!r}", instrument=self._asked.pop(request, None), is_harmless=True
        )

    def _forget(self, _opened_ns: Nanos) -> None:
        self._leaving.clear()
        self._asked.clear()
        self._requests = self._steps = self._overlaps = 0

    def _request_due(self, received_ns: Nanos) -> None:
        """Unsubscribe; subscribe again once the venue has confirmed that.

        Until then updates of the old subscription may still come, and the first of them would pass for the snapshot.
        """
        for key in self._trust.take_due(received_ns):
            request, message = self._request("unsubscribe", [_depth_of(self._symbols[key])])
            self._leaving = {other: left for other, left in self._leaving.items() if left != key}
            self._leaving[request] = self._asked[request] = key
            self._outgoing.append(message)

    def _request(self, method: str, streams: list[str]) -> tuple[str, bytes]:
        self._requests += 1
        request = str(self._requests)
        return request, encode_frame({"id": request, "method": method, "params": streams})


def _depth_of(symbol: str) -> str:
    return f"{symbol}@depth@100ms"


def _streams_of(symbol: str) -> list[str]:
    return [_depth_of(symbol), f"{symbol}@trade"]
