"""Solana JSON-RPC: requests to bytes, frames and answers to typed values; no rule about any account.

Source: solana.com/docs/rpc (websocket accountSubscribe, slotSubscribe; http getMultipleAccounts); error numbers from
agave rpc-client-api custom_error.rs.
"""

from typing import Final, Literal

import msgspec

from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.base import WholeNumber

BUSY_CODES: Final = frozenset({-32004, -32005, -32007, -32009, -32014, -32016, 429})
"""Answers of a node that is behind or asked too often: the same call may succeed a little later."""


class Account(msgspec.Struct, frozen=True):
    """An account as a node gives it; a closed one has no data."""

    owner: str
    data: tuple[bytes, Literal["base64"]]


class Context(msgspec.Struct, frozen=True):
    """At which slot the node read."""

    slot: WholeNumber


class RpcError(msgspec.Struct, frozen=True):
    """Why a call was refused."""

    code: int
    message: str = ""


class AccountChange(msgspec.Struct, frozen=True):
    """What an accountNotification says. It does not name the account."""

    context: Context
    value: Account


class SlotChange(msgspec.Struct, frozen=True):
    """What a slotNotification says."""

    slot: WholeNumber


class AccountParams(msgspec.Struct, frozen=True):
    """The parameters of an accountNotification."""

    result: AccountChange
    subscription: WholeNumber


class SlotParams(msgspec.Struct, frozen=True):
    """The parameters of a slotNotification."""

    result: SlotChange


class RpcFrame(msgspec.Struct, frozen=True):
    """One frame of the socket: a notification has a method, a reply has an id."""

    method: str | None = None
    params: msgspec.Raw = msgspec.Raw(b"null")
    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: RpcError | None = None


class AccountsRead(msgspec.Struct, frozen=True):
    """The result of getMultipleAccounts, in the order of the keys; None where there is no account."""

    context: Context
    value: list[Account | None]


class AccountsReply(msgspec.Struct, frozen=True):
    """The answer to getMultipleAccounts."""

    result: AccountsRead | None = None
    error: RpcError | None = None


class SlotFee(msgspec.Struct, frozen=True, rename="camel"):
    """The least priority fee of one slot, in micro-lamports per compute unit."""

    slot: WholeNumber
    prioritization_fee: WholeNumber


class FeesReply(msgspec.Struct, frozen=True):
    """The answer to getRecentPrioritizationFees."""

    result: list[SlotFee] | None = None
    error: RpcError | None = None


class _AccountsRequest(msgspec.Struct, frozen=True):
    params: tuple[list[str], msgspec.Raw]


_reply = msgspec.json.Decoder(AccountsReply)
_fees = msgspec.json.Decoder(FeesReply)
_request = msgspec.json.Decoder(_AccountsRequest)


def subscribe_slots(request_id: int) -> bytes:
    """Return the request for slot notifications."""
    return _call(request_id, "slotSubscribe", [])


def subscribe_account(request_id: int, address: str, commitment: str) -> bytes:
    """Return the request for notifications of one account."""
    return _call(request_id, "accountSubscribe", [address, {"encoding": "base64", "commitment": commitment}])


def unsubscribe_account(request_id: int, subscription: int) -> bytes:
    """Return the request that ends one account subscription."""
    return _call(request_id, "accountUnsubscribe", [subscription])


def read_accounts(addresses: list[str], commitment: str, min_context_slot: int) -> bytes:
    """Return the getMultipleAccounts call; a node behind ``min_context_slot`` refuses instead of answering old data."""
    options: dict[str, object] = {"encoding": "base64", "commitment": commitment}
    if min_context_slot:
        options["minContextSlot"] = min_context_slot
    return _call(1, "getMultipleAccounts", [addresses, options])


def requested_accounts(body: bytes) -> list[str]:
    """Return the addresses of a getMultipleAccounts call. Raises FeedFormatError."""
    try:
        return _request.decode(body).params[0]
    except msgspec.MsgspecError as e:
        raise FeedFormatError(f"solana: expected a getMultipleAccounts call, received {body[:120]!r}") from e


def accounts_reply(body: bytes) -> AccountsReply:
    """Return the answer to getMultipleAccounts. Raises FeedFormatError."""
    try:
        return _reply.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise FeedFormatError(f"solana: {e} in the answer {body[:120]!r}") from e


def read_priority_fees(addresses: list[str]) -> bytes:
    """Return the getRecentPrioritizationFees call for transactions that write all of the accounts."""
    return _call(1, "getRecentPrioritizationFees", [addresses])


def fees_reply(body: bytes) -> FeesReply:
    """Return the answer to getRecentPrioritizationFees. Raises FeedFormatError."""
    try:
        return _fees.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise FeedFormatError(f"solana: {e} in the answer {body[:120]!r}") from e


def _call(request_id: int, method: str, params: list[object]) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
