"""The control port: what is true now, what was injected, and whether recordings have been played.

For tests and people only; no venue has anything like it.

GET /status, GET /dislocations, GET /truth/<venue>/<symbol>, GET /truth/orca/<pool address>, both with ?at_ns=N for a
moment of the last ten minutes; POST /throttle/solana?calls=N (the next N RPC calls get 429); POST /market/rest and
/market/go (no level moves in between); /faults as faults/desk.py says.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from streaming_worker.sandbox.faces.playback import PlaybackFace
from streaming_worker.sandbox.faces.session import HttpCall, HttpReply
from streaming_worker.sandbox.faces.solana import SolanaFace
from streaming_worker.sandbox.faces.wire import json_reply, split_target, trimmed, whole_number
from streaming_worker.sandbox.faults.desk import FaultDesk, moment
from streaming_worker.sandbox.faults.journal import PastBook, TruthJournal
from streaming_worker.sandbox.hub import Hub
from streaming_worker.sandbox.market.book import BookModel
from streaming_worker.sandbox.market.changes import Level, SlotAdvanced
from streaming_worker.sandbox.market.pool_price import price_e8_at
from streaming_worker.sandbox.market.spec import BookSpec
from streaming_worker.sandbox.market.stepper import Market


class Control:
    """Answers questions about the sandbox, and lets its market rest."""

    def __init__(self, hub: Hub, desk: FaultDesk, journal: TruthJournal | None) -> None:
        self._hub = hub
        self._desk = desk
        self._journal = journal

    @property
    def done(self) -> bool:
        """Whether there are recordings, and all of them have been played and read."""
        playbacks = self._playbacks()
        unread = any(c.backlog for c in self._hub.connections if c.session.waits_for_reader)
        return bool(playbacks) and not unread and all(face.done for face in playbacks)

    def answer(self, call: HttpCall) -> HttpReply:
        """Answer one call."""
        path, query = split_target(call.path)
        parts = [part for part in path.split("/") if part]
        if parts[:1] == ["faults"]:
            return self._desk.answer(call, self._hub.now_ns())
        match call.method, parts:
            case "GET", ["status"]:
                return json_reply(self._status())
            case "GET", ["dislocations"]:
                return json_reply(self._dislocations())
            case "GET", ["truth", venue, symbol]:
                return self._truth(venue, symbol, query.get("at_ns"))
            case "POST", ["market", "rest" | "go" as what]:
                self._hub.is_resting = what == "rest"
                return json_reply({"resting": self._hub.is_resting})
            case "POST", ["throttle", "solana"]:
                return self._throttle(query.get("calls", "1"))
            case _:
                return json_reply({"error": "unknown path"}, status=404)

    def _status(self) -> dict[str, Any]:
        hub = self._hub
        market = hub.market
        venues = {venue: self._venue(venue) for venue in hub.faces}
        return {
            "now_ns": hub.now_ns(),
            "done": self.done,
            "venues": venues,
            "market": None if market is None else _market(market),
        }

    def _venue(self, venue: str) -> dict[str, Any]:
        face = self._hub.faces[venue]
        live = [connection for connection in self._hub.connections if connection.venue == venue]
        playback = isinstance(face, PlaybackFace)
        return {
            "mode": "playback" if playback else "market",
            "connections_open": len(live),
            "connections_opened": self._hub.opened[venue],
            "frames_sent": sum(connection.frames_sent for connection in live),
            **({"done": face.done, "frames_recorded": face.frame_count} if isinstance(face, PlaybackFace) else {}),
        }

    def _dislocations(self) -> list[Any]:
        market = self._hub.market
        return [] if market is None else [msgspec.to_builtins(d) for d in market.dislocations.everything()]

    def _truth(self, venue: str, symbol: str, at: str | None) -> HttpReply:
        market = self._hub.market
        if market is None or isinstance(self._hub.faces.get(venue), PlaybackFace):
            return json_reply({"error": "this venue plays a recording"}, status=404)
        at_ns = moment(at)
        if (at is None) != (at_ns is None):
            return json_reply({"error": "expected at_ns in nanoseconds"}, status=400)
        if venue == "orca" and symbol == market.pool.market.pool.address:
            change = _last_block(market) if at_ns is None else self._past_block(at_ns)
            return _known(None if change is None else _pool(change))
        book = next((b for b in market.books if b.spec.venue == venue and _same(b.spec.symbol, symbol)), None)
        if book is None:
            return json_reply({"error": "unknown book"}, status=404)
        past = _present(book) if at_ns is None else self._past_book(book, at_ns)
        return _known(None if past is None else _book(book.spec, past))

    def _past_block(self, at_ns: int) -> SlotAdvanced | None:
        return None if self._journal is None else self._journal.slot(at_ns)

    def _past_book(self, book: BookModel, at_ns: int) -> PastBook | None:
        return None if self._journal is None else self._journal.book(*book.key, at_ns)

    def _throttle(self, text: str) -> HttpReply:
        face = self._hub.faces.get("solana")
        calls = whole_number(text, otherwise=-1)
        if not isinstance(face, SolanaFace) or calls < 0:
            return json_reply({"error": "expected a whole number of calls"}, status=400)
        face.refuse_next(calls)
        return json_reply({"calls": calls})

    def _playbacks(self) -> list[PlaybackFace]:
        return [face for face in self._hub.faces.values() if isinstance(face, PlaybackFace)]


def _same(symbol: str, wanted: str) -> bool:
    return symbol.replace("-", "") == wanted.replace("-", "").upper()


def _market(market: Market) -> dict[str, Any]:
    active = market.dislocations.active
    return {
        "seed": market.seed,
        "started_ns": market.started_ns,
        "market_ns": market.now_ns,
        "slot": market.pool.slot,
        "latent_usd": {name: trimmed(latent.price_e8, 8) for name, latent in market.latents.items()},
        "pool_usd": trimmed(market.pool.price_e8, 8),
        "dislocation": None if active is None else msgspec.to_builtins(active),
        "dislocations": market.dislocations.count,
    }


def _known(truth: dict[str, Any] | None) -> HttpReply:
    return json_reply({"error": "nothing is known of that moment"}, status=404) if truth is None else json_reply(truth)


def _present(book: BookModel) -> PastBook:
    return PastBook(book.changed_ns, book.update_id, book.bids.sorted_levels(), book.asks.sorted_levels())


def _book(spec: BookSpec, past: PastBook) -> dict[str, Any]:
    return {
        "venue": spec.venue,
        "symbol": spec.symbol,
        "changed_ns": past.changed_ns,
        "update_id": past.update_id,
        "bids": _levels(spec, past.bids),
        "asks": _levels(spec, past.asks),
    }


def _levels(spec: BookSpec, levels: Sequence[Level]) -> list[list[str]]:
    return [[trimmed(price, spec.price_decimals), trimmed(lots, spec.size_decimals)] for price, lots in levels]


def _last_block(market: Market) -> SlotAdvanced:
    pool = market.pool
    return SlotAdvanced(
        pool.slot_ns, pool.slot, pool.slot, pool.slot, pool.market, pool_written=False, arrays_written=()
    )


def _pool(change: SlotAdvanced) -> dict[str, Any]:
    # Numbers beyond 64 bits are text.
    pool = change.market.pool
    arrays = {
        str(start): [[tick.tick_index, str(tick.liquidity_net), str(tick.liquidity_gross)] for tick in array.ticks]
        for start, array in sorted(change.market.arrays.items())
    }
    return {
        "address": pool.address,
        "slot": change.slot,
        "slot_ns": change.ns,
        "liquidity": str(pool.liquidity),
        "sqrt_price_x64": str(pool.sqrt_price_x64),
        "tick_current_index": pool.tick_current_index,
        "fee_rate": pool.fee_rate,
        "price_usd": trimmed(price_e8_at(pool.sqrt_price_x64), 8),
        "arrays": arrays,
    }
