"""What every on-chain account decoder checks first: owner, discriminator, length.

Pure decoding: bytes in, values out. Any bytes give a value or a FeedFormatError.
"""

from collections.abc import Collection
from typing import Final

from solders.pubkey import Pubkey

from streaming_worker.errors import ConfigError, FeedFormatError

DISCRIMINATOR_BYTES: Final = 8
KEY_BYTES: Final = 32


def require_owner(owner: str, programs: Collection[str], what: str) -> None:
    """Raise FeedFormatError unless one of ``programs`` owns the account."""
    if owner not in programs:
        raise FeedFormatError(f"{what}: expected an account of {' or '.join(sorted(programs))}, received owner {owner}")


def require_length(data: bytes, length: int, what: str) -> None:
    """Raise FeedFormatError unless the account has exactly ``length`` bytes."""
    if len(data) != length:
        raise FeedFormatError(f"{what}: expected {length} bytes, received {len(data)}")


def require_discriminator(data: bytes, discriminator: bytes, what: str) -> None:
    """Raise FeedFormatError unless the account starts with ``discriminator``."""
    received = data[:DISCRIMINATOR_BYTES]
    if received != discriminator:
        raise FeedFormatError(f"{what}: expected discriminator {discriminator.hex()}, received {received.hex()}")


def require_range(value: int, least: int, greatest: int, what: str) -> None:
    """Raise FeedFormatError unless ``value`` lies between the bounds, both included."""
    if not least <= value <= greatest:
        raise FeedFormatError(f"{what}: expected {least} to {greatest}, received {value}")


def u128(data: bytes) -> int:
    """Return little-endian unsigned bytes as an integer."""
    return int.from_bytes(data, "little")


def i128(data: bytes) -> int:
    """Return little-endian two's complement bytes as an integer."""
    return int.from_bytes(data, "little", signed=True)


def key_text(data: bytes) -> str:
    """Return 32 bytes as a base58 address."""
    return str(Pubkey.from_bytes(data))


def parse_key(text: str) -> Pubkey:
    """Return a base58 address as a key. Raises ConfigError on anything else."""
    try:
        return Pubkey.from_string(text)
    except ValueError as e:
        raise ConfigError(f"expected a base58 address of 32 bytes, received {text[:60]!r}") from e


def derived_address(program: str, *seeds: bytes) -> str:
    """Return the program-derived address of ``seeds``."""
    return str(Pubkey.find_program_address(list(seeds), parse_key(program))[0])
