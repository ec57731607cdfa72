"""Raydium accounts: layouts by offset, marks of tick arrays, the shared discriminator, hostile bytes, a real pool."""

import json
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from struct import pack, pack_into

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming_worker.core.amm.raydium_clmm_math import MAX_SQRT_PRICE_X64, MIN_SQRT_PRICE_X64
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.raydium import (
    BITMAP_EXTENSION_DISCRIMINATOR,
    CLMM_PROGRAM,
    CONFIG_DISCRIMINATOR,
    POOL_DISCRIMINATOR,
    TICK_ARRAY_DISCRIMINATOR,
    clmm_bitmap_extension_address,
    clmm_tick_array_address,
    decode_clmm_bitmap_extension,
    decode_clmm_config,
    decode_clmm_pool,
    decode_clmm_tick_array,
)
from streaming_worker.protocols.raydium_cp import (
    AMM_V4_PROGRAM,
    CPMM_PROGRAM,
    decode_amm_pool,
    decode_cpmm_config,
    decode_cpmm_pool,
)

KEY = bytes(range(32))
KEY_TEXT = "1thX6LZfHDZZKUs92febYZhYRcXddmzfzF2NvTkPNE"


def clmm_pool_bytes(**changes: int) -> bytes:
    values = {"spacing": 10, "sqrt_price": 2**64, "tick": -5, "status": 0, "fee_on": 0, "bitmap": 0} | changes
    data = bytearray(1544)
    data[:8] = POOL_DISCRIMINATOR
    data[9:41] = KEY
    pack_into("<BBH", data, 233, 9, 6, values["spacing"])
    data[237:253] = (10**15).to_bytes(16, "little")
    data[253:269] = values["sqrt_price"].to_bytes(16, "little")
    pack_into("<i", data, 269, values["tick"])
    data[277:293] = (11).to_bytes(16, "little")
    data[293:309] = (12).to_bytes(16, "little")
    pack_into("<QQ", data, 309, 13, 14)
    pack_into("<BB", data, 389, values["status"], values["fee_on"])
    data[904:1032] = values["bitmap"].to_bytes(128, "little")
    pack_into("<QQQ", data, 1064, 15, 16, 17)
    return bytes(data)


def clmm_config_bytes(*, protocol: int = 120_000, trade: int = 2_500, fund: int = 40_000) -> bytes:
    data = bytearray(117)
    data[:8] = CONFIG_DISCRIMINATOR
    pack_into("<IIHI", data, 43, protocol, trade, 10, fund)
    return bytes(data)


def clmm_array_bytes(
    start: int, ticks: dict[int, tuple[int, int]], *, orders: tuple[int, ...] = (), moved: int | None = None
) -> bytes:
    data = bytearray(10240)
    data[:8] = TICK_ARRAY_DISCRIMINATOR
    data[8:40] = KEY
    pack_into("<i", data, 40, start)
    for slot in {*ticks, *orders}:
        at = 44 + 168 * slot
        net, gross = ticks.get(slot, (0, 0))
        pack_into("<i", data, at, start + 10 * slot if moved is None else moved)
        data[at + 4 : at + 20] = net.to_bytes(16, "little", signed=True)
        data[at + 20 : at + 36] = gross.to_bytes(16, "little")
        pack_into("<Q", data, at + 124, 3 if slot in orders else 0)
    return bytes(data)


def extension_bytes(*, positive: dict[int, int] | None = None, negative: dict[int, int] | None = None) -> bytes:
    data = bytearray(1832)
    data[:8] = BITMAP_EXTENSION_DISCRIMINATOR
    data[8:40] = KEY
    for first, bitmaps in ((40, positive or {}), (936, negative or {})):
        for place, bitmap in bitmaps.items():
            data[first + 64 * place : first + 64 * place + 64] = bitmap.to_bytes(64, "little")
    return bytes(data)


def cpmm_pool_bytes(*, status: int = 0, creator_fee_on: int = 0, enable: int = 1) -> bytes:
    data = bytearray(637)
    data[:8] = POOL_DISCRIMINATOR
    data[8:40] = KEY
    data[168:200] = KEY
    pack_into("<BxBB", data, 329, status, 9, 6)
    pack_into("<QQQQQ", data, 341, 21, 22, 23, 24, 25)
    pack_into("<BB6xQQ", data, 389, creator_fee_on, enable, 26, 27)
    return bytes(data)


def cpmm_config_bytes(*, trade: int = 2_500, protocol: int = 120_000, fund: int = 40_000, creator: int = 500) -> bytes:
    data = bytearray(236)
    data[:8] = CONFIG_DISCRIMINATOR
    pack_into("<QQQ", data, 12, trade, protocol, fund)
    pack_into("<Q", data, 108, creator)
    return bytes(data)


def amm_bytes(*, status: int = 6, numerator: int = 25, denominator: int = 10_000) -> bytes:
    data = bytearray(752)
    pack_into("<Q", data, 0, status)
    pack_into("<QQ", data, 32, 9, 6)
    pack_into("<QQQQ", data, 176, numerator, denominator, 31, 32)
    pack_into("<Q", data, 224, 33)
    data[528:560] = KEY
    return bytes(data)


def test_a_clmm_pool_is_read_field_by_field() -> None:
    pool = decode_clmm_pool("pool", clmm_pool_bytes(bitmap=1 | 1 << 511 | 1 << 513), owner=CLMM_PROGRAM)
    assert (pool.amm_config, pool.mint_decimals_0, pool.mint_decimals_1, pool.tick_spacing) == (KEY_TEXT, 9, 6, 10)
    assert (pool.liquidity, pool.sqrt_price_x64, pool.tick_current) == (10**15, 2**64, -5)
    assert (pool.fee_growth_global_0_x64, pool.fee_growth_global_1_x64) == (11, 12)
    assert (pool.protocol_fees_token_0, pool.protocol_fees_token_1) == (13, 14)
    assert (pool.fund_fees_token_0, pool.fund_fees_token_1, pool.open_time) == (15, 16, 17)
    assert pool.initialized_starts == (-512 * 600, -600, 600)
    assert pool.is_swap_enabled
    assert pool.dynamic_fee is None


def test_a_clmm_pool_may_forbid_swaps_and_have_a_dynamic_fee() -> None:
    data = bytearray(clmm_pool_bytes(status=0b10000, fee_on=2))
    pack_into("<HHHIIiIIQ", data, 1096, 30, 600, 5_000, 4_000, 300_000, -7, 8, 9, 1_780_000_000)
    pool = decode_clmm_pool("pool", bytes(data), owner=CLMM_PROGRAM)
    assert not pool.is_swap_enabled
    assert pool.fee_on == 2
    assert pool.dynamic_fee is not None
    assert (pool.dynamic_fee.filter_period, pool.dynamic_fee.tick_spacing_index_reference) == (30, -7)
    assert pool.dynamic_fee.last_update_timestamp == 1_780_000_000


def test_a_clmm_config_is_read_field_by_field() -> None:
    config = decode_clmm_config(clmm_config_bytes(), owner=CLMM_PROGRAM)
    assert (config.protocol_fee_rate, config.trade_fee_rate, config.tick_spacing) == (120_000, 2_500, 10)
    assert config.fund_fee_rate == 40_000


def test_a_slot_counts_when_it_has_liquidity_or_orders() -> None:
    data = clmm_array_bytes(-600, {0: (-5, 7), 59: (10**18, 10**19)}, orders=(30, 59))
    pool, array = decode_clmm_tick_array(data, owner=CLMM_PROGRAM, tick_spacing=10)
    assert (pool, array.start_tick_index) == (KEY_TEXT, -600)
    assert [(tick.tick_index, tick.liquidity_net, tick.liquidity_gross, tick.has_orders) for tick in array.ticks] == [
        (-600, -5, 7, False),
        (-300, 0, 0, True),
        (-10, 10**18, 10**19, True),
    ]


def test_the_extension_marks_arrays_beyond_the_pools_own_bitmap() -> None:
    data = extension_bytes(positive={0: 0b11, 13: 1 << 225}, negative={0: 1 << 511 | 1, 13: 1 << 286})
    pool, starts = decode_clmm_bitmap_extension(data, owner=CLMM_PROGRAM, tick_spacing=1)
    assert pool == KEY_TEXT
    # array numbers as the program's own tests have them
    assert [start // 60 for start in starts] == [-7394, -1024, -513, 512, 513, 7393]


def test_a_cpmm_pool_and_its_config_are_read_field_by_field() -> None:
    pool = decode_cpmm_pool("pool", cpmm_pool_bytes(status=0b100, creator_fee_on=2), owner=CPMM_PROGRAM)
    assert (pool.amm_config, pool.token_mint_0, pool.is_swap_enabled) == (KEY_TEXT, KEY_TEXT, False)
    assert (pool.mint_decimals_0, pool.mint_decimals_1) == (9, 6)
    assert (pool.protocol_fees_token_0, pool.protocol_fees_token_1, pool.fund_fees_token_0) == (21, 22, 23)
    assert (pool.fund_fees_token_1, pool.open_time, pool.creator_fee_on) == (24, 25, 2)
    assert (pool.is_creator_fee_enabled, pool.creator_fees_token_0, pool.creator_fees_token_1) == (True, 26, 27)
    config = decode_cpmm_config(cpmm_config_bytes(), owner=CPMM_PROGRAM)
    assert (config.trade_fee_rate, config.protocol_fee_rate) == (2_500, 120_000)
    assert (config.fund_fee_rate, config.creator_fee_rate) == (40_000, 500)


def test_a_v4_pool_is_read_field_by_field() -> None:
    pool = decode_amm_pool("pool", amm_bytes(), owner=AMM_V4_PROGRAM)
    assert (pool.status, pool.coin_decimals, pool.pc_decimals) == (6, 9, 6)
    assert (pool.swap_fee_numerator, pool.swap_fee_denominator) == (25, 10_000)
    assert (pool.need_take_pnl_coin, pool.need_take_pnl_pc, pool.pool_open_time) == (31, 32, 33)
    assert (pool.coin_vault, pool.market) == ("1" * 32, KEY_TEXT)


def test_the_recorded_v4_pool_decodes(shared_dir: Path) -> None:
    path = shared_dir / "captures" / "solana" / "raydium_v4_sol_usdc_58oQ_slot433179580.json"
    row = json.loads(path.read_text(encoding="utf-8"))
    pool = decode_amm_pool(row["pubkey"], b64decode(row["data"]), owner=row["owner"])
    assert (pool.status, pool.coin_decimals, pool.pc_decimals) == (6, 9, 6)
    assert (pool.coin_mint, pool.pc_mint) == (
        "So11111111111111111111111111111111111111112",
        "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
    )


def test_clmm_and_cpmm_pools_share_a_discriminator_and_are_told_apart() -> None:
    with pytest.raises(FeedFormatError, match=CLMM_PROGRAM):
        decode_clmm_pool("pool", cpmm_pool_bytes(), owner=CPMM_PROGRAM)
    with pytest.raises(FeedFormatError, match="1544 bytes"):
        decode_clmm_pool("pool", cpmm_pool_bytes(), owner=CLMM_PROGRAM)
    with pytest.raises(FeedFormatError, match="637 bytes"):
        decode_cpmm_pool("pool", clmm_pool_bytes(), owner=CPMM_PROGRAM)


def test_addresses_have_the_start_index_as_big_endian_bytes() -> None:
    addresses = {clmm_tick_array_address(KEY_TEXT, start) for start in (-600, 0, 600)}
    addresses.add(clmm_bitmap_extension_address(KEY_TEXT))
    assert len(addresses) == 4


Decoder = Callable[[bytes], object]
DECODERS: dict[str, tuple[Decoder, bytes]] = {
    "clmm pool": (lambda data: decode_clmm_pool("p", data, owner=CLMM_PROGRAM), clmm_pool_bytes(bitmap=5)),
    "clmm config": (lambda data: decode_clmm_config(data, owner=CLMM_PROGRAM), clmm_config_bytes()),
    "clmm array": (
        lambda data: decode_clmm_tick_array(data, owner=CLMM_PROGRAM, tick_spacing=10),
        clmm_array_bytes(0, {3: (1, 1)}),
    ),
    "clmm extension": (
        lambda data: decode_clmm_bitmap_extension(data, owner=CLMM_PROGRAM, tick_spacing=10),
        extension_bytes(positive={1: 1}),
    ),
    "cpmm pool": (lambda data: decode_cpmm_pool("p", data, owner=CPMM_PROGRAM), cpmm_pool_bytes()),
    "cpmm config": (lambda data: decode_cpmm_config(data, owner=CPMM_PROGRAM), cpmm_config_bytes()),
    "v4 pool": (lambda data: decode_amm_pool("p", data, owner=AMM_V4_PROGRAM), amm_bytes()),
}


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("clmm pool", clmm_pool_bytes(spacing=0), "tick spacing"),
        ("clmm pool", clmm_pool_bytes(sqrt_price=MIN_SQRT_PRICE_X64 - 1), "sqrt price"),
        ("clmm pool", clmm_pool_bytes(sqrt_price=MAX_SQRT_PRICE_X64), "sqrt price"),
        ("clmm pool", clmm_pool_bytes(tick=443_637), "current tick"),
        ("clmm pool", clmm_pool_bytes(fee_on=3), "fee_on"),
        ("clmm config", clmm_config_bytes(trade=10**6), "trade fee rate"),
        ("clmm config", clmm_config_bytes(protocol=10**6, fund=1), "protocol and fund"),
        ("clmm array", clmm_array_bytes(5, {}), "multiple of 600"),
        ("clmm array", clmm_array_bytes(-444_600, {}), "within range"),
        ("clmm array", clmm_array_bytes(0, {3: (1, 1)}, moved=31), "slot 3"),
        ("clmm array", clmm_array_bytes(-444_000, {0: (1, 1)}), "initialised tick"),
        ("clmm extension", extension_bytes()[:-1], "1832 bytes"),
        ("cpmm pool", cpmm_pool_bytes(creator_fee_on=3), "creator_fee_on"),
        ("cpmm pool", cpmm_pool_bytes(enable=2), "enable_creator_fee"),
        ("cpmm config", cpmm_config_bytes(trade=10**6 - 500), "trade and creator"),
        ("cpmm config", cpmm_config_bytes(protocol=10**6), "protocol and fund"),
        ("v4 pool", amm_bytes(status=8), "status"),
        ("v4 pool", amm_bytes(numerator=10_000), "fee below 1"),
        ("v4 pool", amm_bytes()[:-1], "752 bytes"),
    ],
)
def test_values_that_no_account_can_have_are_named(name: str, data: bytes, what: str) -> None:
    with pytest.raises(FeedFormatError, match=what):
        DECODERS[name][0](data)


@pytest.mark.parametrize("name", DECODERS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_bytes_give_a_value_or_a_format_error(name: str, data: st.DataObject) -> None:
    decode, valid = DECODERS[name]
    hostile = bytearray(valid)
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, len(hostile) - 1), st.integers(0, 255)), max_size=6)):
        hostile[at] = value
    cut = data.draw(st.integers(0, 3) | st.integers(0, len(hostile)))
    with suppress(FeedFormatError):
        decode(bytes(hostile[: len(hostile) - cut]))


def test_the_packed_length_of_an_extension_matches_its_bitmaps() -> None:
    assert len(extension_bytes()) == 8 + 32 + 2 * 14 * len(pack("<8Q", *range(8)))
