"""Which accounts a pool needs, its oracle included, and what their bytes become."""

import msgspec

from arb_pipeline_tests.fixtures.frames import NOW_NS
from arb_pipeline_tests.fixtures.market import ADDRESS, POOL, SLOT, pool_state
from streaming_worker.core.amm.pool_state import OracleState
from streaming_worker.core.events import OracleUpdate, PoolUpdate
from streaming_worker.core.instrument import Pool, Venue
from streaming_worker.core.units import E8
from streaming_worker.protocols.account_data import parse_key
from streaming_worker.protocols.solana_pool import CLOCK_ADDRESS, PoolAccounts
from streaming_worker.protocols.solana_rpc import Account
from streaming_worker.protocols.whirlpool import ORACLE_DISCRIMINATOR, WHIRLPOOL_PROGRAM, oracle_address
from streaming_worker.sandbox.faces.solana_accounts import pool_account

CONSTANTS = (30, 600, 500, 4_000, 350_000, 4, 64)
VARIABLES = (1_790_000_000, 1_789_999_990, 12_000, -300, 15_000)


def _accounts() -> PoolAccounts:
    pool = Pool(venue=Venue.ORCA, address=ADDRESS, base="SOL", quote="USDC", base_decimals=9, quote_decimals=6)
    return PoolAccounts(pool)


def _oracle() -> Account:
    constants = b"".join(
        value.to_bytes(size, "little") for value, size in zip(CONSTANTS, (2, 2, 2, 4, 4, 2, 2), strict=True)
    )
    variables = b"".join(
        value.to_bytes(size, "little", signed=value < 0) for value, size in zip(VARIABLES, (8, 8, 4, 4, 4), strict=True)
    )
    enabled = (1_700_000_000).to_bytes(8, "little")
    data = ORACLE_DISCRIMINATOR + bytes(parse_key(ADDRESS)) + enabled + constants + bytes(16) + variables + bytes(144)
    return Account(WHIRLPOOL_PROGRAM, (data, "base64"))


def test_an_unread_pool_needs_only_itself() -> None:
    accounts = _accounts()
    assert accounts.addresses == [ADDRESS]
    assert accounts.read_addresses == [ADDRESS, CLOCK_ADDRESS, ADDRESS]
    assert accounts.last_slot == 0
    assert not accounts.is_read_by(accounts.read_addresses)


def test_an_adaptive_fee_pool_needs_its_oracle() -> None:
    accounts = _accounts()
    adaptive = msgspec.structs.replace(pool_state(150 * E8), fee_tier_index=1_024)
    encoded = pool_account(adaptive)
    (update,) = accounts.notified(ADDRESS, Account(encoded.owner, (encoded.data, "base64")), SLOT, NOW_NS)
    assert update == PoolUpdate(POOL, SLOT, adaptive, NOW_NS)
    oracle = oracle_address(WHIRLPOOL_PROGRAM, ADDRESS)
    assert (accounts.addresses[-1], accounts.read_addresses[-2]) == (oracle, oracle)
    assert accounts.last_slot == SLOT
    (event,) = accounts.polled(oracle, _oracle(), SLOT, NOW_NS)
    assert isinstance(event, OracleUpdate)
    assert isinstance(event.state, OracleState)
    assert (event.state.whirlpool, event.state.constants.filter_period) == (ADDRESS, 30)
    assert event.state.variables.tick_group_index_reference == -300
    assert accounts.notified(oracle, _oracle(), SLOT + 1, NOW_NS) == []


def test_an_account_of_nobody_is_left_alone() -> None:
    assert _accounts().polled("somewhere", _oracle(), SLOT, NOW_NS) == []
