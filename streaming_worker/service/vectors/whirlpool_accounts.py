"""Vectors of Whirlpool accounts: encoded accounts and dumps with their fields, malformed data, derived addresses."""

from base64 import b64decode
from collections.abc import Callable
from typing import Any, Final

from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.whirlpool import (
    WHIRLPOOL_PROGRAM,
    decode_oracle,
    decode_tick_array,
    decode_whirlpool,
    fee_tier_address,
    oracle_address,
    tick_array_address,
    whirlpool_address,
)
from streaming_worker.protocols.whirlpool_records import (
    decode_adaptive_fee_tier,
    decode_fee_tier,
    decode_rewards,
    decode_tick_records,
)
from streaming_worker.service.vectors.rows import Differences, Row, RowContext, RowFormat, difference, differences

MAINNET_CONFIG: Final = "2LecshUwdy9xi7meFgHtFJQNSKk4KdTrcpvaB56dP2NQ"
_ANY_SPACING: Final = 1


def check_account(row: Row, _context: RowContext) -> Differences:
    """Decode an account and compare every field that the row lists."""
    data = b64decode(row["data_base64"], validate=True)
    if len(data) != row["length"]:
        return difference("length", row["length"], len(data))
    try:
        received = _DECODERS[row["type"]](data, row)
    except FeedFormatError as e:
        return difference("decoded", "an account", str(e))
    return differences(row["decoded"], received)


def check_invalid(row: Row, _context: RowContext) -> Differences:
    """Malformed data must be refused by name."""
    try:
        _DECODERS[row["type"]](b64decode(row["data_base64"], validate=True), row)
    except FeedFormatError:
        return {}
    return difference("reason", row["reason"], "decoded without complaint")


def check_address(row: Row, _context: RowContext) -> Differences:
    """Derive an address and compare it."""
    return differences({"address": row["address"]}, {"address": _ADDRESSES[row["fn"]](row)})


def _owner(row: Row) -> str:
    return str(row.get("owner", WHIRLPOOL_PROGRAM))


def _whirlpool(data: bytes, row: Row) -> dict[str, Any]:
    pool = decode_whirlpool(row.get("address", ""), data, owner=_owner(row))
    records = decode_rewards(data, owner=_owner(row))
    return {
        "whirlpools_config": records.whirlpools_config,
        "whirlpool_bump": records.bump,
        "tick_spacing": pool.tick_spacing,
        "fee_tier_index": pool.fee_tier_index,
        "fee_rate": pool.fee_rate,
        "protocol_fee_rate": pool.protocol_fee_rate,
        "liquidity": pool.liquidity,
        "sqrt_price": pool.sqrt_price_x64,
        "tick_current_index": pool.tick_current_index,
        "protocol_fee_owed_a": pool.protocol_fee_owed_a,
        "protocol_fee_owed_b": pool.protocol_fee_owed_b,
        "token_mint_a": pool.token_mint_a,
        "token_vault_a": pool.token_vault_a,
        "fee_growth_global_a": pool.fee_growth_global_a_x64,
        "token_mint_b": pool.token_mint_b,
        "token_vault_b": pool.token_vault_b,
        "fee_growth_global_b": pool.fee_growth_global_b_x64,
        "reward_last_updated_timestamp": records.last_updated_timestamp,
        "reward_infos": [
            {
                "mint": reward.mint,
                "vault": reward.vault,
                "extension_hex": reward.extension.hex(),
                "emissions_per_second_x64": reward.emissions_per_second_x64,
                "growth_global_x64": reward.growth_global_x64,
            }
            for reward in records.rewards
        ],
    }


def _tick_array(data: bytes, row: Row) -> dict[str, Any]:
    """An account does not hold its spacing; where a row gives none, its data is malformed and any will do."""
    spacing = row.get("decoded", {}).get("tick_spacing_used", _ANY_SPACING)
    whirlpool, array = decode_tick_array(data, owner=_owner(row), tick_spacing=spacing)
    records = decode_tick_records(data, owner=_owner(row), tick_spacing=spacing)
    decoded: dict[str, Any] = {
        "whirlpool": whirlpool,
        "start_tick_index": array.start_tick_index,
        "tick_spacing_used": spacing,
        "initialized_offsets": [(tick.tick_index - array.start_tick_index) // spacing for tick in array.ticks],
        "ticks": [
            {
                "tick": tick.tick_index,
                "liquidity_net": tick.liquidity_net,
                "liquidity_gross": tick.liquidity_gross,
                "fee_growth_outside_a": record.fee_growth_outside_a_x64,
                "fee_growth_outside_b": record.fee_growth_outside_b_x64,
                "reward_growths_outside": record.reward_growths_outside_x64,
            }
            for tick, record in zip(array.ticks, records, strict=True)
        ],
    }
    if row["type"] == "dynamic_tick_array":
        decoded["tick_bitmap"] = sum(1 << offset for offset in decoded["initialized_offsets"])
    return decoded


def _oracle(data: bytes, row: Row) -> dict[str, Any]:
    oracle = decode_oracle(data, owner=_owner(row))
    constants, variables = oracle.constants, oracle.variables
    return {
        "whirlpool": oracle.whirlpool,
        "trade_enable_timestamp": oracle.trade_enable_timestamp,
        "adaptive_fee_constants": {name: getattr(constants, name) for name in constants.__struct_fields__},
        "adaptive_fee_variables": {name: getattr(variables, name) for name in variables.__struct_fields__},
    }


def _fee_tier(data: bytes, row: Row) -> dict[str, Any]:
    tier = decode_fee_tier(data, owner=_owner(row))
    return {name: getattr(tier, name) for name in tier.__struct_fields__}


def _adaptive_fee_tier(data: bytes, row: Row) -> dict[str, Any]:
    tier = decode_adaptive_fee_tier(data, owner=_owner(row))
    fields = {name: getattr(tier, name) for name in tier.__struct_fields__ if name != "constants"}
    return fields | {name: getattr(tier.constants, name) for name in tier.constants.__struct_fields__}


_DECODERS: Final[dict[str, Callable[[bytes, Row], dict[str, Any]]]] = {
    "whirlpool": _whirlpool,
    "fixed_tick_array": _tick_array,
    "dynamic_tick_array": _tick_array,
    "oracle": _oracle,
    "fee_tier": _fee_tier,
    "adaptive_fee_tier": _adaptive_fee_tier,
}
_ADDRESSES: Final[dict[str, Callable[[Row], str]]] = {
    "whirlpool": lambda row: whirlpool_address(
        WHIRLPOOL_PROGRAM, MAINNET_CONFIG, row["token_mint_a"], row["token_mint_b"], row["fee_tier_index"]
    ),
    "tick_array": lambda row: tick_array_address(WHIRLPOOL_PROGRAM, row["whirlpool"], row["start_tick_index"]),
    "oracle": lambda row: oracle_address(WHIRLPOOL_PROGRAM, row["whirlpool"]),
    "fee_tier": lambda row: fee_tier_address(WHIRLPOOL_PROGRAM, MAINNET_CONFIG, row["fee_tier_index"]),
}

ACCOUNT_FORMAT: Final = RowFormat(
    name="whirlpool account",
    knows=lambda row: row.get("kind") in ("account", "real_account") and row.get("type") in _DECODERS,
    check=check_account,
)
INVALID_FORMAT: Final = RowFormat(
    name="malformed whirlpool account",
    knows=lambda row: row.get("kind") == "invalid" and row.get("type") in _DECODERS,
    check=check_invalid,
)
ADDRESS_FORMAT: Final = RowFormat(
    name="whirlpool address",
    knows=lambda row: row.get("kind") == "pda" and row.get("fn") in _ADDRESSES,
    check=check_address,
)
