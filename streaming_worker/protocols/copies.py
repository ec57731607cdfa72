"""Copies of a book's top, asked for by a call where the socket has long said nothing; whoever asked compares them.

A copy changes nothing by itself. Memory is bounded: one copy a book until it is taken.
Source: api.coinbase.com market/product_book, api.exchange.coinbase.com products/<id>/book, api.gemini.com v1/book.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import msgspec

from streaming_worker.core.events import Levels
from streaming_worker.core.units import Nanos
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.base import BookCopy, HttpRequest
from streaming_worker.protocols.levels import parse_levels

DEPTH: Final = 20
_Pairs: TypeAlias = list[tuple[str, str]]
Read: TypeAlias = Callable[[bytes], tuple[_Pairs, _Pairs]]


class _Named(msgspec.Struct):
    """A level by names: Coinbase says size, Gemini amount."""

    price: str
    size: str = ""
    amount: str = ""


class _NamedSides(msgspec.Struct):
    bids: list[_Named]
    asks: list[_Named]


class _CoinbaseBook(msgspec.Struct):
    pricebook: _NamedSides


class _ListedSides(msgspec.Struct):
    """A level by places: price, size, number of orders."""

    bids: list[tuple[str, str, int]]
    asks: list[tuple[str, str, int]]


_coinbase = msgspec.json.Decoder(_CoinbaseBook)
_exchange = msgspec.json.Decoder(_ListedSides)
_gemini = msgspec.json.Decoder(_NamedSides)


class CopyDesk:
    """The copies of one feed. ``path`` takes the symbol and the depth."""

    def __init__(self, path: str, read: Read, symbols: Mapping[str, str], size_digits: Mapping[str, int]) -> None:
        self._path = path
        self._read = read
        self._symbols = symbols
        self._size_digits = size_digits
        self._calls: list[HttpRequest] = []
        self._keys: dict[str, str] = {}
        self._copies: dict[str, BookCopy] = {}

    def forget(self) -> None:
        """Start a connection: nothing is asked for."""
        self._calls.clear()
        self._keys.clear()
        self._copies.clear()

    def ask(self, key: str) -> None:
        """Ask for a copy of one book."""
        path = self._path.format(symbol=self._symbols[key], depth=DEPTH)
        name = f"book {key}"
        self._keys[name] = key
        self._calls.append(HttpRequest(name, "GET", path, may_fail=True))

    def take_calls(self) -> list[HttpRequest]:
        """Return and clear the calls to make."""
        calls, self._calls = self._calls, []
        return calls

    def answer(self, request: HttpRequest, body: bytes, received_ns: Nanos) -> None:
        """Read a copy. Raises FeedFormatError, which harms no book."""
        key = self._keys.get(request.key)
        if key is None:
            what = f"no call was asked for, received {len(body)} bytes for {request.key}"
            raise FeedFormatError(what, is_harmless=True)
        try:
            bids, asks = self._read(body)
            digits = self._size_digits[key]
            copied = self._top(bids, digits), self._top(asks, digits)
        except (FeedFormatError, msgspec.MsgspecError, UnicodeDecodeError) as e:
            raise FeedFormatError(f"{key}: a copy: {e}", instrument=key, is_harmless=True) from e
        self._copies[key] = BookCopy(key, *copied, DEPTH, received_ns)

    def take_copies(self) -> list[BookCopy]:
        """Return and clear what was read."""
        copies, self._copies = list(self._copies.values()), {}
        return copies

    def _top(self, pairs: _Pairs, size_digits: int) -> Levels:
        return parse_levels(pairs[:DEPTH], size_digits, is_snapshot=False)


def read_coinbase(body: bytes) -> tuple[_Pairs, _Pairs]:
    """Read product_book."""
    book = _coinbase.decode(body).pricebook
    return [(level.price, level.size) for level in book.bids], [(level.price, level.size) for level in book.asks]


def read_exchange(body: bytes) -> tuple[_Pairs, _Pairs]:
    """Read a level-2 book."""
    book = _exchange.decode(body)
    return [(price, size) for price, size, _ in book.bids], [(price, size) for price, size, _ in book.asks]


def read_gemini(body: bytes) -> tuple[_Pairs, _Pairs]:
    """Read the current order book."""
    book = _gemini.decode(body)
    return [(level.price, level.amount) for level in book.bids], [(level.price, level.amount) for level in book.asks]
