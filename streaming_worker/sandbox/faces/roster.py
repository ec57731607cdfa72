"""Which venues there are, and the face of each: the market's, or a recording's."""

from collections.abc import Mapping
from typing import Final

from streaming_worker.sandbox.captures import VenueCapture
from streaming_worker.sandbox.faces.bitstamp import BitstampFace
from streaming_worker.sandbox.faces.coinbase import CoinbaseFace
from streaming_worker.sandbox.faces.coinbase_exchange import CoinbaseExchangeFace
from streaming_worker.sandbox.faces.gemini import GeminiFace
from streaming_worker.sandbox.faces.gemini_v2 import GeminiV2Face
from streaming_worker.sandbox.faces.playback import PlaybackFace
from streaming_worker.sandbox.faces.session import Face
from streaming_worker.sandbox.faces.solana import SolanaFace
from streaming_worker.sandbox.market.stepper import Market

PORT_OFFSETS: Final = {
    "coinbase": 0,
    "coinbase_exchange": 1,
    "gemini": 2,
    "gemini_v2": 3,
    "bitstamp": 4,
    "solana": 5,
    "control": 10,
}
"""Where each venue listens, counted from the first port."""
VENUES: Final = frozenset(PORT_OFFSETS) - {"control"}


def market_faces(market: Market) -> dict[str, Face]:
    """Return the faces of the synthetic market."""
    return {
        "coinbase": CoinbaseFace(market),
        "coinbase_exchange": CoinbaseExchangeFace(market),
        "gemini": GeminiFace(market),
        "gemini_v2": GeminiV2Face(market),
        "bitstamp": BitstampFace(market),
        "solana": SolanaFace(market),
    }


def playback_faces(captures: Mapping[str, VenueCapture], *, speed: int | None) -> dict[str, PlaybackFace]:
    """Return the faces of recorded venues."""
    return {venue: PlaybackFace(capture, speed=speed) for venue, capture in captures.items()}
