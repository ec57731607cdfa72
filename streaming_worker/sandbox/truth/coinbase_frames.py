"""Coinbase's socket as text: level2 and heartbeats with one numbering; an alias shows the very same book."""

import msgspec

from streaming_worker.core.events import Levels
from streaming_worker.core.units import E8_DIGITS, NANOS_PER_SECOND
from streaming_worker.sandbox.faces.wire import rfc3339, trimmed


class Frame(msgspec.Struct, frozen=True):
    """One frame of the Coinbase socket as it arrives."""

    data: bytes
    received_ns: int


class CoinbaseFrames:
    """Writes frames and keeps what each product was last shown as."""

    def __init__(self, start_ns: int) -> None:
        self._start_ns = start_ns
        self._sequence = 0
        self._beats = 0
        self._shown: dict[str, tuple[Levels, Levels]] = {}

    def book(self, symbol: str, bids: Levels, asks: Levels, *, sent_ns: int, received_ns: int) -> Frame:
        """Return the change of a product's book; its first frame is a snapshot."""
        before = self._shown.get(symbol)
        self._shown[symbol] = bids, asks
        kind, sides = "snapshot", (bids, asks)
        if before is not None:
            kind, sides = "update", (changed(before[0], bids), changed(before[1], asks))
        at = rfc3339(sent_ns, digits=6)
        updates = ",".join(
            f'{{"side":"{side}","event_time":"{at}","price_level":"{trimmed(price, E8_DIGITS)}",'
            f'"new_quantity":"{trimmed(size, E8_DIGITS)}"}}'
            for side, levels in zip(("bid", "offer"), sides, strict=True)
            for price, size in levels
        )
        body = f'{{"type":"{kind}","product_id":"{symbol}","updates":[{updates}]}}'
        return self._frame("l2_data", body, sent_ns, received_ns)

    def heartbeat(self, received_ns: int) -> Frame:
        """Return the sign of life of a second."""
        body = f'{{"current_time":"{rfc3339(received_ns)}","heartbeat_counter":{self._beats}}}'
        self._beats += 1
        return self._frame("heartbeats", body, received_ns - NANOS_PER_SECOND // 50, received_ns)

    def _frame(self, channel: str, body: str, sent_ns: int, received_ns: int) -> Frame:
        sent = rfc3339(sent_ns)
        head = f'{{"channel":"{channel}","client_id":"","timestamp":"{sent}","sequence_num":{self._sequence},"events":['
        self._sequence += 1
        return Frame(f"{head}{body}]}}".encode(), received_ns)


def changed(before: Levels, after: Levels) -> Levels:
    """Return the absolute sizes that turn one side into another, removals first."""
    held, wanted = dict(before), dict(after)
    gone = [(price, 0) for price in held if price not in wanted]
    return [*gone, *((price, size) for price, size in after if held.get(price) != size)]
