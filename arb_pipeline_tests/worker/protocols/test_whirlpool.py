"""Whirlpool accounts: golden encodings, every malformed shape by name, addresses, hostile bytes, real dumps."""

import gzip
import json
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from struct import pack, pack_into
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming_worker.core.amm.whirlpool_math import MAX_SQRT_PRICE_X64, MIN_SQRT_PRICE_X64, tick_from_sqrt_price
from streaming_worker.errors import ConfigError, FeedFormatError
from streaming_worker.protocols.token_account import decode_token_account
from streaming_worker.protocols.whirlpool import (
    DYNAMIC_TICK_ARRAY_DISCRIMINATOR,
    FIXED_TICK_ARRAY_DISCRIMINATOR,
    IMMUTABLE_WHIRLPOOL_PROGRAM,
    ORACLE_DISCRIMINATOR,
    WHIRLPOOL_DISCRIMINATOR,
    WHIRLPOOL_PROGRAM,
    decode_clock,
    decode_oracle,
    decode_tick_array,
    decode_whirlpool,
    fee_tier_address,
    oracle_address,
    tick_array_address,
    whirlpool_address,
)
from streaming_worker.protocols.whirlpool_records import (
    ADAPTIVE_FEE_TIER_DISCRIMINATOR,
    FEE_TIER_DISCRIMINATOR,
    decode_adaptive_fee_tier,
    decode_fee_tier,
    decode_rewards,
    decode_tick_records,
)

MAINNET_CONFIG = "2LecshUwdy9xi7meFgHtFJQNSKk4KdTrcpvaB56dP2NQ"
SOL = "So11111111111111111111111111111111111111112"
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
SOL_USDC = "Czfq3xZZDmsdGdUyrNLtRhGc47cXcZtLG4crryfu44zE"
KEY = bytes(range(32))
FIXED_KEY_AT = 9956
Decoder = Callable[[bytes], object]

DECODERS: dict[str, Decoder] = {
    "whirlpool": lambda data: decode_whirlpool("pool", data, owner=WHIRLPOOL_PROGRAM),
    "tick array": lambda data: decode_tick_array(data, owner=WHIRLPOOL_PROGRAM, tick_spacing=4),
    "tick records": lambda data: decode_tick_records(data, owner=WHIRLPOOL_PROGRAM, tick_spacing=4),
    "oracle": lambda data: decode_oracle(data, owner=WHIRLPOOL_PROGRAM),
    "clock": decode_clock,
    "rewards": lambda data: decode_rewards(data, owner=WHIRLPOOL_PROGRAM),
    "fee tier": lambda data: decode_fee_tier(data, owner=WHIRLPOOL_PROGRAM),
    "adaptive fee tier": lambda data: decode_adaptive_fee_tier(data, owner=WHIRLPOOL_PROGRAM),
}


def pool_bytes(**changes: int) -> bytes:
    values = {"spacing": 4, "fee": 400, "protocol": 1_300, "sqrt_price": 2**64, "tick": 0} | changes
    data = bytearray(653)
    data[:8] = WHIRLPOOL_DISCRIMINATOR
    pack_into("<HHHH", data, 41, values["spacing"], 4, values["fee"], values["protocol"])
    data[65:81] = values["sqrt_price"].to_bytes(16, "little")
    pack_into("<i", data, 81, values["tick"])
    return bytes(data)


def fixed_array_bytes(start: int, ticks: dict[int, tuple[int, int]]) -> bytes:
    data = bytearray(9988)
    data[:8] = FIXED_TICK_ARRAY_DISCRIMINATOR
    pack_into("<i", data, 8, start)
    for slot, (net, gross) in ticks.items():
        at = 12 + 113 * slot
        data[at] = 1
        data[at + 1 : at + 17] = net.to_bytes(16, "little", signed=True)
        data[at + 17 : at + 33] = gross.to_bytes(16, "little")
    data[FIXED_KEY_AT : FIXED_KEY_AT + 32] = KEY
    return bytes(data)


def dynamic_array_bytes(start: int, ticks: dict[int, tuple[int, int]], *, bitmap: int | None = None) -> bytes:
    slots = b"".join(
        b"\x01" + ticks[slot][0].to_bytes(16, "little", signed=True) + ticks[slot][1].to_bytes(16, "little") + bytes(80)
        if slot in ticks
        else b"\x00"
        for slot in range(88)
    )
    marks = sum(1 << slot for slot in ticks) if bitmap is None else bitmap
    return DYNAMIC_TICK_ARRAY_DISCRIMINATOR + pack("<i", start) + KEY + marks.to_bytes(16, "little") + slots


def oracle_bytes(*, group_size: int = 64) -> bytes:
    fields = pack("<QHHHIIHH16xQQIiI", 5, 30, 600, 5_000, 4_000, 350_000, group_size, 64, 11, 12, 13, -14, 15)
    return ORACLE_DISCRIMINATOR + KEY + fields + bytes(144)


def test_a_pool_is_read_field_by_field() -> None:
    pool = decode_whirlpool("pool", pool_bytes(tick=-1, sqrt_price=2**64 - 1), owner=IMMUTABLE_WHIRLPOOL_PROGRAM)
    assert (pool.address, pool.tick_spacing, pool.fee_tier_index, pool.fee_rate) == ("pool", 4, 4, 400)
    assert (pool.protocol_fee_rate, pool.sqrt_price_x64, pool.tick_current_index) == (1_300, 2**64 - 1, -1)
    assert pool.token_mint_a == "1" * 32
    assert not pool.is_adaptive_fee


TICKS = {0: (-5, 7), 40: (10**18, 10**19), 87: (-(2**100), 2**100)}


@pytest.mark.parametrize("data", [fixed_array_bytes(-352, TICKS), dynamic_array_bytes(-352, TICKS)])
def test_both_encodings_give_the_same_array(data: bytes) -> None:
    whirlpool, array = decode_tick_array(data, owner=WHIRLPOOL_PROGRAM, tick_spacing=4)
    assert whirlpool == "1thX6LZfHDZZKUs92febYZhYRcXddmzfzF2NvTkPNE"
    assert array.start_tick_index == -352
    assert [(tick.tick_index, tick.liquidity_net, tick.liquidity_gross) for tick in array.ticks] == [
        (-352, -5, 7),
        (-192, 10**18, 10**19),
        (-4, -(2**100), 2**100),
    ]


def test_an_oracle_is_read_field_by_field() -> None:
    oracle = decode_oracle(oracle_bytes(), owner=WHIRLPOOL_PROGRAM)
    assert oracle.trade_enable_timestamp == 5
    assert (oracle.constants.filter_period, oracle.constants.major_swap_threshold_ticks) == (30, 64)
    assert (oracle.variables.last_reference_update_timestamp, oracle.variables.volatility_accumulator) == (11, 15)
    assert oracle.variables.tick_group_index_reference == -14


def test_the_clock_is_slot_and_chain_second() -> None:
    assert decode_clock(pack("<QqQQq", 300_000_001, 1, 2, 3, 1_780_000_000)) == (300_000_001, 1_780_000_000)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"spacing": 0}, "tick spacing"),
        ({"fee": 60_001}, "fee rate"),
        ({"protocol": 2_501}, "protocol fee rate"),
        ({"sqrt_price": MIN_SQRT_PRICE_X64 - 1}, "sqrt price"),
        ({"sqrt_price": MAX_SQRT_PRICE_X64 + 1}, "sqrt price"),
        ({"tick": -443_638}, "current tick"),
        ({"tick": 443_637}, "current tick"),
    ],
)
def test_values_that_no_pool_can_have_are_named(changes: dict[str, int], what: str) -> None:
    with pytest.raises(FeedFormatError, match=what):
        decode_whirlpool("pool", pool_bytes(**changes), owner=WHIRLPOOL_PROGRAM)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (fixed_array_bytes(-351, {}), "multiple of 352"),
        (fixed_array_bytes(-352 * 1_262, {}), "within range"),
        (fixed_array_bytes(0, {})[:-1], "9988 bytes"),
        (fixed_array_bytes(0, {})[:12] + b"\x02" + fixed_array_bytes(0, {})[13:], "slot 0"),
        (dynamic_array_bytes(0, TICKS)[:100], "at least 148"),
        (dynamic_array_bytes(0, {}, bitmap=1 << 88), "88 bits"),
        (dynamic_array_bytes(0, TICKS, bitmap=1), "260 bytes"),
        (dynamic_array_bytes(0, {3: (1, 1)}, bitmap=1 << 4), "slot 3"),
        (b"\x00" * 9988, "discriminator"),
        (b"", "discriminator"),
    ],
)
def test_malformed_tick_arrays_are_named(data: bytes, what: str) -> None:
    with pytest.raises(FeedFormatError, match=what):
        decode_tick_array(data, owner=WHIRLPOOL_PROGRAM, tick_spacing=4)


@pytest.mark.parametrize("name", [name for name in DECODERS if name != "clock"])
def test_a_foreign_owner_is_refused_with_both_names(name: str) -> None:
    decoders: dict[str, Decoder] = {
        "whirlpool": lambda data: decode_whirlpool("pool", data, owner=USDC),
        "tick array": lambda data: decode_tick_array(data, owner=USDC, tick_spacing=4),
        "tick records": lambda data: decode_tick_records(data, owner=USDC, tick_spacing=4),
        "oracle": lambda data: decode_oracle(data, owner=USDC),
        "rewards": lambda data: decode_rewards(data, owner=USDC),
        "fee tier": lambda data: decode_fee_tier(data, owner=USDC),
        "adaptive fee tier": lambda data: decode_adaptive_fee_tier(data, owner=USDC),
    }
    with pytest.raises(FeedFormatError, match=f"{WHIRLPOOL_PROGRAM}.*received owner {USDC}"):
        decoders[name](pool_bytes())


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("whirlpool", pool_bytes()[:-1]),
        ("oracle", oracle_bytes()[:-1]),
        ("oracle", oracle_bytes(group_size=0)),
        ("clock", bytes(39)),
        ("rewards", pool_bytes() + b"\x00"),
        ("fee tier", FEE_TIER_DISCRIMINATOR + bytes(35)),
        ("adaptive fee tier", ADAPTIVE_FEE_TIER_DISCRIMINATOR + bytes(121)),
    ],
)
def test_other_lengths_and_values_are_refused(name: str, data: bytes) -> None:
    with pytest.raises(FeedFormatError, match="expected"):
        DECODERS[name](data)


def test_tiers_and_rewards_are_read_field_by_field() -> None:
    tier = decode_fee_tier(FEE_TIER_DISCRIMINATOR + KEY + pack("<HH", 64, 3_000), owner=WHIRLPOOL_PROGRAM)
    assert (tier.tick_spacing, tier.default_fee_rate) == (64, 3_000)
    body = pack("<HH32s32sHHHHIIHH", 1_028, 4, KEY, KEY, 400, 30, 600, 5_000, 4_000, 350_000, 4, 64)
    for padding in (0, 128):
        data = ADAPTIVE_FEE_TIER_DISCRIMINATOR + KEY + body + bytes(128 - 40 - len(body) + padding)
        adaptive = decode_adaptive_fee_tier(data, owner=WHIRLPOOL_PROGRAM)
        assert (adaptive.fee_tier_index, adaptive.default_base_fee_rate) == (1_028, 400)
        assert adaptive.constants.tick_group_size == 4
    data = bytearray(pool_bytes())
    pack_into("<Q", data, 261, 99)
    data[269 + 128 : 269 + 160] = KEY
    rewards = decode_rewards(bytes(data), owner=WHIRLPOOL_PROGRAM)
    assert rewards.last_updated_timestamp == 99
    assert [reward.mint[:4] for reward in rewards.rewards] == ["1111", "1thX", "1111"]


def test_addresses_are_those_on_chain() -> None:
    assert whirlpool_address(WHIRLPOOL_PROGRAM, MAINNET_CONFIG, SOL, USDC, 4) == SOL_USDC
    assert oracle_address(WHIRLPOOL_PROGRAM, SOL_USDC) == "FoKYKtRpD25TKzBMndysKpgPqbj8AdLXjfpYHXn9PGTX"
    assert tick_array_address(WHIRLPOOL_PROGRAM, SOL_USDC, 259_864) == "5RVd7X2qrDUzqDRJx3e2iUBnEJ37ZzAHEtxRpbrM7ZAg"
    assert fee_tier_address(WHIRLPOOL_PROGRAM, MAINNET_CONFIG, 4) == "9zfDkPMnx9ei8mZVfCsLjkBzXob7H3PuAhabmUVAiuJF"


def test_an_address_that_is_none_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="base58"):
        oracle_address(WHIRLPOOL_PROGRAM, "not an address")


VALID = {
    "whirlpool": pool_bytes(),
    "tick array": dynamic_array_bytes(-352, TICKS),
    "tick records": fixed_array_bytes(-352, TICKS),
    "oracle": oracle_bytes(),
    "clock": bytes(40),
    "rewards": pool_bytes(),
    "fee tier": FEE_TIER_DISCRIMINATOR + bytes(36),
    "adaptive fee tier": ADAPTIVE_FEE_TIER_DISCRIMINATOR + bytes(120),
}


@pytest.mark.parametrize("name", DECODERS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_bytes_give_a_value_or_a_format_error(name: str, data: st.DataObject) -> None:
    hostile = bytearray(VALID[name])
    edits = st.lists(st.tuples(st.integers(0, len(hostile) - 1), st.integers(0, 255)), max_size=6)
    for at, value in data.draw(edits):
        hostile[at] = value
    cut = data.draw(st.integers(0, 3) | st.integers(0, len(hostile)))
    with suppress(FeedFormatError):
        DECODERS[name](bytes(hostile[: len(hostile) - cut]))


def _rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


def test_every_recorded_pool_decodes_and_agrees_with_itself(shared_dir: Path) -> None:
    rows = _rows(shared_dir / "captures" / "solana" / "whirlpool_pool_accounts_2022-2023.jsonl.gz")
    for row in rows:
        pool = decode_whirlpool(row["pubkey"], b64decode(row["data"][0]), owner=row["owner"])
        tick = tick_from_sqrt_price(pool.sqrt_price_x64)
        assert pool.tick_current_index in (tick, tick - 1)
    assert len(rows) == 23


def test_a_recorded_market_fits_together(shared_dir: Path) -> None:
    rows = _rows(shared_dir / "captures" / "solana" / "whirlpool_sol_usdc_HJPj_accounts_2022-08.jsonl.gz")
    accounts = {row["pubkey"]: (b64decode(row["account"]["data"][0]), row["account"]["owner"]) for row in rows}
    address = "HJPjoWUrhoZzkNfRpHuieeFk9WcZWjwy6PBjZ81ngndJ"
    data, owner = accounts[address]
    pool = decode_whirlpool(address, data, owner=owner)
    arrays = {}
    for key, (account, account_owner) in accounts.items():
        if len(account) == 9_988:
            whirlpool, array = decode_tick_array(account, owner=account_owner, tick_spacing=pool.tick_spacing)
            assert whirlpool == address
            assert tick_array_address(WHIRLPOOL_PROGRAM, address, array.start_tick_index) == key
            arrays[array.start_tick_index] = array
    assert len(arrays) == 7
    for vault, mint in ((pool.token_vault_a, SOL), (pool.token_vault_b, USDC)):
        account, account_owner = accounts[vault]
        balance = decode_token_account(account, owner=account_owner)
        assert balance.mint == mint
        assert balance.amount > 0
