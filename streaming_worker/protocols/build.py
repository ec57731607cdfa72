"""Names of protocols, as settings use them, to protocols."""

from collections.abc import Sequence
from typing import Final

from streaming_worker.core.instrument import Instrument, Pool
from streaming_worker.errors import ConfigError
from streaming_worker.protocols.base import FeedProtocol
from streaming_worker.protocols.bitstamp import Bitstamp
from streaming_worker.protocols.coinbase import CoinbaseAdvanced
from streaming_worker.protocols.coinbase_exchange import CoinbaseExchange
from streaming_worker.protocols.gemini import Gemini
from streaming_worker.protocols.gemini_v2 import GeminiV2
from streaming_worker.protocols.solana import Solana

PROTOCOL_NAMES: Final = ("coinbase_advanced", "coinbase_exchange", "gemini", "gemini_v2", "bitstamp", "solana")


def build_protocol(
    name: str,
    *,
    feed: str,
    instruments: Sequence[Instrument] = (),
    pools: Sequence[Pool] = (),
    accepts_next_id: bool = False,
    asks_priority_fees: bool = False,
) -> FeedProtocol:
    """Return a fresh protocol for one feed. Raises ConfigError for an unknown name.

    ``accepts_next_id`` is Gemini's; ``asks_priority_fees`` is Solana's.
    """
    match name:
        case "coinbase_advanced":
            return CoinbaseAdvanced(feed, instruments)
        case "coinbase_exchange":
            return CoinbaseExchange(feed, instruments)
        case "gemini":
            return Gemini(feed, instruments, accepts_next_id=accepts_next_id)
        case "gemini_v2":
            return GeminiV2(feed, instruments)
        case "bitstamp":
            return Bitstamp(feed, instruments)
        case "solana":
            return Solana(feed, pools, asks_priority_fees=asks_priority_fees)
        case _:
            raise ConfigError(f"expected protocol {', '.join(PROTOCOL_NAMES)}; received {name!r}", key="protocol")
