"""Account bytes by the documented offsets, and against what the chain and the vendor's own encoder wrote."""

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from struct import unpack_from
from typing import Any

import msgspec
import pytest
from solders.pubkey import Pubkey

from streaming_worker.core.amm.pool_state import Tick, TickArray, WhirlpoolState
from streaming_worker.sandbox.faces.solana_accounts import (
    clock_account,
    dynamic_array_data,
    fixed_array_data,
    is_dynamic,
    mint_account,
    oracle_address,
    pool_account,
    tick_array_account,
    tick_array_address,
)
from streaming_worker.sandbox.market.stepper import Market

SPACING = 4


def rows(shared_dir: Path, name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(shared_dir / "vectors" / f"{name}.jsonl.gz") as file:
        yield from (json.loads(line) for line in file)


def u128(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 16], "little")


def key(data: bytes, offset: int) -> str:
    return str(Pubkey.from_bytes(data[offset : offset + 32]))


def test_the_pool_account_has_each_field_at_its_offset(market: Market) -> None:
    pool = msgspec.structs.replace(market.pool.market.pool, protocol_fee_owed_a=5, protocol_fee_owed_b=6)
    account = pool_account(pool)
    data = account.data
    assert len(data) == 653
    assert data[:8].hex() == "3f95d10ce1806309"
    assert account.owner == "whirLbMiicVdio4qvUfM5KAg6Ct8VwpYzGff3uctyCc"
    assert key(data, 8) == "2LecshUwdy9xi7meFgHtFJQNSKk4KdTrcpvaB56dP2NQ"
    assert unpack_from("<BHHHH", data, 40) == (255, 4, 4, 400, 1_300)
    assert (u128(data, 49), u128(data, 65)) == (pool.liquidity, pool.sqrt_price_x64)
    assert unpack_from("<iQQ", data, 81) == (pool.tick_current_index, 5, 6)
    assert (key(data, 101), key(data, 181)) == (pool.token_mint_a, pool.token_mint_b)
    assert (key(data, 133), key(data, 213)) == (pool.token_vault_a, pool.token_vault_b)
    assert account.lamports == 5_435_760


def test_a_real_pool_is_encoded_as_the_chain_has_it(shared_dir: Path) -> None:
    row = next(r for r in rows(shared_dir, "whirlpool_real_accounts") if r["id"] == "real-p-00")
    decoded = row["decoded"]
    pool = WhirlpoolState(
        address=row["address"],
        tick_spacing=decoded["tick_spacing"],
        fee_tier_index=decoded["fee_tier_index"],
        fee_rate=decoded["fee_rate"],
        protocol_fee_rate=decoded["protocol_fee_rate"],
        liquidity=int(decoded["liquidity"]),
        sqrt_price_x64=int(decoded["sqrt_price"]),
        tick_current_index=decoded["tick_current_index"],
        protocol_fee_owed_a=int(decoded["protocol_fee_owed_a"]),
        protocol_fee_owed_b=int(decoded["protocol_fee_owed_b"]),
        token_mint_a=decoded["token_mint_a"],
        token_vault_a=decoded["token_vault_a"],
        fee_growth_global_a_x64=int(decoded["fee_growth_global_a"]),
        token_mint_b=decoded["token_mint_b"],
        token_vault_b=decoded["token_vault_b"],
        fee_growth_global_b_x64=int(decoded["fee_growth_global_b"]),
    )
    # Rewards follow at 261; the sandbox has none.
    assert pool_account(pool).data[:261] == base64.b64decode(row["data_base64"])[:261]


def without_growths(data: bytes, slots: list[int]) -> bytes:
    blank = bytearray(data)
    for offset in slots:
        blank[offset + 33 : offset + 113] = bytes(80)
    return bytes(blank)


@pytest.mark.parametrize("kind", ["fixed_tick_array", "dynamic_tick_array"])
def test_tick_arrays_are_encoded_as_the_chain_and_the_vendor_do(shared_dir: Path, kind: str) -> None:
    compared = 0
    sources = (*rows(shared_dir, "whirlpool_real_accounts"), *rows(shared_dir, "whirlpool_accounts"))
    for row in sources:
        if row.get("type") != kind or row["kind"] == "invalid":
            continue
        decoded = row["decoded"]
        ticks = tuple(Tick(t["tick"], int(t["liquidity_net"]), int(t["liquidity_gross"])) for t in decoded["ticks"])
        array = TickArray(decoded["start_tick_index"], ticks)
        offsets, position = [], 60
        for number in range(88):
            held = number in decoded["initialized_offsets"]
            if held:
                offsets.append(position if kind == "dynamic_tick_array" else 12 + 113 * number)
            position += 113 if held else 1
        wanted = without_growths(base64.b64decode(row["data_base64"]), offsets)
        encode = fixed_array_data if kind == "fixed_tick_array" else dynamic_array_data
        assert encode(decoded["whirlpool"], array, decoded["tick_spacing_used"]) == wanted
        compared += 1
    assert compared >= 5


def test_both_encodings_occur_and_hold_the_markets_ticks(market: Market) -> None:
    lengths = set()
    for start, array in market.pool.market.arrays.items():
        account = tick_array_account(market.pool.market, start)
        data = account.data
        if is_dynamic(start, SPACING):
            assert data[:8].hex() == "11d8f68ee1c7da38"
            assert len(data) == 148 + 112 * len(array.ticks)
            assert u128(data, 44).bit_count() == len(array.ticks)
            found = dynamic_slots(data)
        else:
            assert data[:8].hex() == "4561bdbe6e0742bb"
            assert len(data) == 9_988
            assert account.lamports == 70_407_360
            found = {n: data[12 + 113 * n : 125 + 113 * n] for n in range(88) if data[12 + 113 * n]}
        assert unpack_from("<i", data, 8) == (start,)
        lengths.add(len(data) == 9_988)
        nets = {start + SPACING * n: int.from_bytes(slot[1:17], "little", signed=True) for n, slot in found.items()}
        assert nets == {tick.tick_index: tick.liquidity_net for tick in array.ticks}
    assert lengths == {True, False}


def dynamic_slots(data: bytes) -> dict[int, bytes]:
    found, position = {}, 60
    for number in range(88):
        width = 113 if data[position] else 1
        if width == 113:
            found[number] = data[position : position + width]
        position += width
    assert position == len(data)
    return found


def test_addresses_are_derived_as_the_program_does(shared_dir: Path) -> None:
    checked = 0
    for row in rows(shared_dir, "whirlpool_accounts"):
        if row["kind"] == "pda" and row["fn"] == "tick_array":
            assert tick_array_address(row["whirlpool"], row["start_tick_index"]) == row["address"]
            checked += 1
        elif row["kind"] == "pda" and row["fn"] == "oracle":
            assert oracle_address(row["whirlpool"]) == row["address"]
            checked += 1
    assert checked > 3


def test_clock_and_mints_have_their_numbers_where_clients_look() -> None:
    clock = clock_account(433_000_123, 1_790_000_000_999_999_999)
    assert unpack_from("<Q", clock.data, 0) == (433_000_123,)
    assert unpack_from("<q", clock.data, 32) == (1_790_000_000,)
    assert len(clock.data) == 40
    mint = mint_account(6)
    assert (len(mint.data), mint.data[44], mint.data[45]) == (82, 6, 1)
