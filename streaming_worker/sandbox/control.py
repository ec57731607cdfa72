"""The control port: what is true now, what was injected, and whether recordings have been played.

For tests and people only; no venue has anything like it.

GET /status, GET /dislocations, GET /truth/<venue>/<symbol>, GET /truth/orca/<pool address>,
POST /throttle/solana?calls=N (the next N RPC calls get 429).
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from streaming_worker.sandbox.faces.playback import PlaybackFace
from streaming_worker.sandbox.faces.session import HttpCall, HttpReply
from streaming_worker.sandbox.faces.solana import SolanaFace
from streaming_worker.sandbox.faces.wire import json_reply, split_target, trimmed, whole_number
from streaming_worker.sandbox.hub import Hub
from streaming_worker.sandbox.market.book import BookModel
from streaming_worker.sandbox.market.changes import Level
from streaming_worker.sandbox.market.pool import PoolModel
from streaming_worker.sandbox.market.stepper import Market


class Control:
    """Answers questions about the sandbox."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

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
        match call.method, parts:
            case "GET", ["status"]:
                return json_reply(self._status())
            case "GET", ["dislocations"]:
                return json_reply(self._dislocations())
            case "GET", ["truth", venue, symbol]:
                return self._truth(venue, symbol)
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

    def _truth(self, venue: str, symbol: str) -> HttpReply:
        market = self._hub.market
        if market is None or isinstance(self._hub.faces.get(venue), PlaybackFace):
            return json_reply({"error": "this venue plays a recording"}, status=404)
        if venue == "orca" and symbol == market.pool.market.pool.address:
            return json_reply(_pool(market.pool))
        book = next((b for b in market.books if b.spec.venue == venue and _same(b.spec.symbol, symbol)), None)
        if book is None:
            return json_reply({"error": "unknown book"}, status=404)
        return json_reply(_book(book))

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


def _book(book: BookModel) -> dict[str, Any]:
    return {
        "venue": book.spec.venue,
        "symbol": book.spec.symbol,
        "changed_ns": book.changed_ns,
        "update_id": book.update_id,
        "bids": _levels(book, book.bids.sorted_levels()),
        "asks": _levels(book, book.asks.sorted_levels()),
    }


def _levels(book: BookModel, levels: Sequence[Level]) -> list[list[str]]:
    spec = book.spec
    return [[trimmed(price, spec.price_decimals), trimmed(lots, spec.size_decimals)] for price, lots in levels]


def _pool(model: PoolModel) -> dict[str, Any]:
    # Numbers beyond 64 bits are text.
    pool = model.market.pool
    arrays = {
        str(start): [[tick.tick_index, str(tick.liquidity_net), str(tick.liquidity_gross)] for tick in array.ticks]
        for start, array in sorted(model.market.arrays.items())
    }
    return {
        "address": pool.address,
        "slot": model.slot,
        "changed_slot": model.changed_slot,
        "slot_ns": model.slot_ns,
        "liquidity": str(pool.liquidity),
        "sqrt_price_x64": str(pool.sqrt_price_x64),
        "tick_current_index": pool.tick_current_index,
        "fee_rate": pool.fee_rate,
        "price_usd": trimmed(model.price_e8, 8),
        "arrays": arrays,
    }
