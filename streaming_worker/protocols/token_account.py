"""SPL token accounts and mints: balances, decimals, and Token-2022 transfer fees.

Pure decoding.
Source: solana-program/token (state.rs); solana-program/token-2022 (extension/mod.rs, extension/transfer_fee/mod.rs).
"""

from struct import Struct
from typing import Final

import msgspec

from streaming_worker.core.amm.pool_state import TransferFee
from streaming_worker.core.amm.transfer_fee import TransferFeeSchedule
from streaming_worker.core.units import BPS
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.account_data import KEY_BYTES, key_text, require_owner, require_range

TOKEN_PROGRAMS: Final = frozenset(
    {"TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"}
)
"""The original token program and Token-2022."""

ACCOUNT_BYTES: Final = 165
MINT_BYTES: Final = 82

_AMOUNT: Final = Struct("<Q")
_AMOUNT_AT: Final = 64
_ACCOUNT_STATE_AT: Final = 108
_DECIMALS_AT: Final = 44
_MINT_IS_INITIALIZED_AT: Final = 45
_TYPE_AT: Final = 165
_MINT_TYPE: Final = 1
_ACCOUNT_TYPE: Final = 2
_EXTENSION: Final = Struct("<HH")
_TRANSFER_FEE_CONFIG: Final = 1
_TRANSFER_FEES: Final = Struct("<72xQQHQQH")


class TokenAccount(msgspec.Struct, frozen=True):
    """A token balance. Units: ``amount`` in the mint's smallest unit."""

    mint: str
    owner: str
    amount: int


class Mint(msgspec.Struct, frozen=True):
    """What arithmetic needs of a mint."""

    decimals: int
    transfer_fees: TransferFeeSchedule | None


def decode_token_account(data: bytes, *, owner: str) -> TokenAccount:
    """Decode a token account of either token program.

    Raises: FeedFormatError on a foreign owner, another account type, or an account that is not initialised.
    """
    what = "token account"
    require_owner(owner, TOKEN_PROGRAMS, what)
    _require_kind(data, ACCOUNT_BYTES, _ACCOUNT_TYPE, what)
    require_range(data[_ACCOUNT_STATE_AT], 1, 2, f"{what}: state")
    (amount,) = _AMOUNT.unpack_from(data, _AMOUNT_AT)
    return TokenAccount(key_text(data[:KEY_BYTES]), key_text(data[KEY_BYTES : 2 * KEY_BYTES]), amount)


def decode_mint(data: bytes, *, owner: str) -> Mint:
    """Decode a mint of either token program, with its transfer fees where it has them.

    Raises: FeedFormatError on a foreign owner, another account type, or extensions that do not fit.
    """
    what = "mint"
    require_owner(owner, TOKEN_PROGRAMS, what)
    _require_kind(data, MINT_BYTES, _MINT_TYPE, what)
    require_range(data[_MINT_IS_INITIALIZED_AT], 1, 1, f"{what}: initialised flag")
    return Mint(data[_DECIMALS_AT], _transfer_fees(data))


def _require_kind(data: bytes, base_bytes: int, kind: int, what: str) -> None:
    """A plain account has its base length; one with extensions is padded to 165 bytes and says what it is."""
    if len(data) == base_bytes:
        return
    if len(data) <= _TYPE_AT or data[_TYPE_AT] != kind:
        raise FeedFormatError(
            f"{what}: expected {base_bytes} bytes, or extensions of type {kind}, received {len(data)} bytes"
        )


def _transfer_fees(data: bytes) -> TransferFeeSchedule | None:
    at = _TYPE_AT + 1
    while at + _EXTENSION.size <= len(data):
        kind, length = _EXTENSION.unpack_from(data, at)
        at += _EXTENSION.size
        value = data[at : at + length]
        if len(value) != length:
            raise FeedFormatError(f"mint: expected an extension of {length} bytes, received {len(value)}")
        if kind == _TRANSFER_FEE_CONFIG:
            return _schedule(value)
        at += length
    return None


def _schedule(value: bytes) -> TransferFeeSchedule:
    if len(value) != _TRANSFER_FEES.size:
        raise FeedFormatError(f"mint: expected {_TRANSFER_FEES.size} bytes of transfer fees, received {len(value)}")
    _, older_max, older_bps, newer_epoch, newer_max, newer_bps = _TRANSFER_FEES.unpack(value)
    require_range(older_bps, 0, BPS, "mint: older transfer fee")
    require_range(newer_bps, 0, BPS, "mint: newer transfer fee")
    return TransferFeeSchedule(TransferFee(older_bps, older_max), TransferFee(newer_bps, newer_max), newer_epoch)
