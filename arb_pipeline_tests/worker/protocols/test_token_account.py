"""Token accounts and mints of both token programs, with and without extensions."""

from contextlib import suppress
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming_worker.core.amm.pool_state import TransferFee
from streaming_worker.core.amm.transfer_fee import fee_in_epoch
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.token_account import decode_mint, decode_token_account

TOKEN = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
TOKEN_2022 = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"
KEY = bytes(range(32))


def account_bytes(amount: int = 123, *, state: int = 1) -> bytes:
    return KEY + bytes(32) + pack("<Q", amount) + bytes(36) + bytes([state]) + bytes(56)


def mint_bytes(*extensions: tuple[int, bytes], decimals: int = 9, initialized: int = 1) -> bytes:
    base = bytes(44) + bytes([decimals, initialized]) + bytes(36)
    if not extensions:
        return base
    tail = b"".join(pack("<HH", kind, len(value)) + value for kind, value in extensions)
    return base + bytes(83) + b"\x01" + tail


def fees(older: tuple[int, int, int], newer: tuple[int, int, int]) -> bytes:
    return bytes(72) + pack("<QQH", *older) + pack("<QQH", *newer)


FEES = fees((600, 1_000, 50), (700, 2_000, 100))


@pytest.mark.parametrize(("data", "owner"), [(account_bytes(), TOKEN), (account_bytes() + b"\x02\x07", TOKEN_2022)])
def test_a_balance_is_read_with_and_without_extensions(data: bytes, owner: str) -> None:
    account = decode_token_account(data, owner=owner)
    assert (account.mint, account.owner, account.amount) == (
        "1thX6LZfHDZZKUs92febYZhYRcXddmzfzF2NvTkPNE",
        "1" * 32,
        123,
    )


def test_a_mint_has_its_decimals_and_its_transfer_fees() -> None:
    assert decode_mint(mint_bytes(), owner=TOKEN).transfer_fees is None
    other = (18, bytes(64))
    mint = decode_mint(mint_bytes(other, (1, FEES), decimals=6), owner=TOKEN_2022)
    assert mint.decimals == 6
    assert fee_in_epoch(mint.transfer_fees, 699) == TransferFee(50, 1_000)
    assert fee_in_epoch(mint.transfer_fees, 700) == TransferFee(100, 2_000)
    assert decode_mint(mint_bytes(other), owner=TOKEN_2022).transfer_fees is None


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (account_bytes(state=0), "state"),
        (account_bytes()[:-1], "165 bytes"),
        (account_bytes() + b"\x01", "165 bytes"),
    ],
)
def test_malformed_balances_are_named(data: bytes, what: str) -> None:
    with pytest.raises(FeedFormatError, match=what):
        decode_token_account(data, owner=TOKEN_2022)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (mint_bytes(initialized=0), "initialised"),
        (mint_bytes()[:-1], "82 bytes"),
        (account_bytes() + b"\x02", "82 bytes"),
        (mint_bytes((1, FEES[:-1])), "108 bytes"),
        (mint_bytes((9, bytes(10)))[:-1], "extension of 10 bytes"),
        (mint_bytes((1, fees((0, 0, 10_001), (0, 0, 0)))), "older transfer fee"),
        (mint_bytes((1, fees((0, 0, 0), (0, 0, 10_001)))), "newer transfer fee"),
    ],
)
def test_malformed_mints_are_named(data: bytes, what: str) -> None:
    with pytest.raises(FeedFormatError, match=what):
        decode_mint(data, owner=TOKEN_2022)


def test_a_foreign_owner_is_refused() -> None:
    for decode in (decode_mint, decode_token_account):
        with pytest.raises(FeedFormatError, match="received owner nobody"):
            decode(mint_bytes(), owner="nobody")


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_a_value_or_a_format_error(data: bytes) -> None:
    for decode in (decode_mint, decode_token_account):
        for hostile in (data, account_bytes() + data, mint_bytes() + bytes(83) + b"\x01" + data):
            with suppress(FeedFormatError):
                decode(hostile, owner=TOKEN_2022)
