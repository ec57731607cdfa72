"""A Solana node's JSON-RPC: account and slot subscriptions over WebSocket, account reads over HTTP.

Source: solana.com/docs/rpc; agave rpc-client-api custom_error.rs for the error numbers.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from solders.pubkey import Pubkey

from streaming_worker.sandbox.faces.session import NEVER, HttpCall, HttpReply, Output
from streaming_worker.sandbox.faces.solana_state import ChainState, ReadableState, priority_fee
from streaming_worker.sandbox.market.changes import MarketChange, SlotAdvanced
from streaming_worker.sandbox.market.stepper import Market

_PARSE_ERROR: Final = (-32700, "Parse error")
_INVALID_REQUEST: Final = (-32600, "Invalid request")
_METHOD_NOT_FOUND: Final = (-32601, "Method not found")
_INVALID_PARAMS: Final = -32602
_MIN_CONTEXT_SLOT: Final = -32016
_TOO_MANY: Final = (429, "Too many requests for a specific RPC call")
_FIRST_SUBSCRIPTION: Final = 23_784
_MOST_KEYS: Final = 100
_MOST_FEE_KEYS: Final = 128
_FEE_SLOTS: Final = 150
_COMMITMENTS: Final = ("processed", "confirmed", "finalized")
# A pool has no parser, so that jsonParsed comes back as base64. base58 is refused above 128 bytes.
_ENCODINGS: Final = ("base64", "jsonParsed")
_API_VERSION: Final = "3.1.0"


class _Request(msgspec.Struct):
    method: str
    id: str | int | None = None
    params: list[Any] = []


class _RpcError(Exception):
    """A JSON-RPC error to be sent as the answer."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


_decoder = msgspec.json.Decoder(_Request)


class SolanaFace:
    """One node: opens sessions, answers calls, and can refuse the next calls for their rate."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._state = ChainState(market)
        self._refuse_next = 0

    def refuse_next(self, calls: int) -> None:
        """Answer the next ``calls`` HTTP calls with 429."""
        self._refuse_next = calls

    def open(self, _path: str, _query: Mapping[str, str], _now_ns: int) -> "SolanaSession":
        """Begin a session; the path and an api key do not matter."""
        return SolanaSession(self._state)

    def follow(self, changes: Sequence[MarketChange], _now_ns: int) -> None:
        """Remember the latest blocks."""
        self._state.follow(changes)

    def answer(self, call: HttpCall, _now_ns: int) -> HttpReply:
        """Answer one JSON-RPC call. GET /health answers as a node does."""
        return self._answer(call, self._state)

    def answer_behind(self, call: HttpCall, slots: int) -> HttpReply:
        """Answer as a node that is so many blocks late."""
        return self._answer(call, self._state.behind(slots))

    def _answer(self, call: HttpCall, state: ReadableState) -> HttpReply:
        if call.method == "GET":
            healthy = call.path.startswith("/health")
            return HttpReply(
                status=200 if healthy else 405, body=b"ok" if healthy else b"Used HTTP Method is not allowed"
            )
        request, complaint = _parse(call.body)
        if self._refuse_next > 0:
            self._refuse_next -= 1
            body = _failure(request.id if request else None, _RpcError(*_TOO_MANY))
            return HttpReply(status=429, body=body, headers={"retry-after": "1"})
        return HttpReply(status=200, body=complaint if request is None else _Calls(state).answer(request))


class _Calls:
    """The calls that a node answers, from one state of the chain."""

    def __init__(self, state: ReadableState) -> None:
        self._state = state

    def answer(self, request: _Request) -> bytes:
        """Answer one request."""
        try:
            return _success(request.id, self._result(request.method, request.params))
        except _RpcError as error:
            return _failure(request.id, error)

    def _result(self, method: str, params: list[Any]) -> str:
        match method:
            case "getMultipleAccounts":
                return self._accounts(params)
            case "getAccountInfo":
                return self._account(params)
            case "getRecentPrioritizationFees":
                return self._priority_fees(params)
            case "getSlot":
                _check_options(self._state, params[0] if params else {})
                return str(self._state.slot)
            case "getHealth":
                return '"ok"'
            case "getVersion":
                return f'{{"feature-set":3604001754,"solana-core":"{_API_VERSION}"}}'
            case _:
                raise _RpcError(*_METHOD_NOT_FOUND)

    def _accounts(self, params: list[Any]) -> str:
        keys = params[0] if params else None
        if not isinstance(keys, list):
            raise _RpcError(_INVALID_PARAMS, "Invalid params: invalid type, expected a sequence.")
        if len(keys) > _MOST_KEYS:
            raise _RpcError(_INVALID_PARAMS, f"Too many inputs provided; max {_MOST_KEYS}")
        _check_reading(self._state, params)
        return self._in_context("[" + ",".join(self._read(_address(key)) for key in keys) + "]")

    def _account(self, params: list[Any]) -> str:
        address = _address(params[0] if params else None)
        _check_reading(self._state, params)
        return self._in_context(self._read(address))

    def _priority_fees(self, params: list[Any]) -> str:
        keys = params[0] if params else []
        if not isinstance(keys, list):
            raise _RpcError(_INVALID_PARAMS, "Invalid params: invalid type, expected a sequence.")
        if len(keys) > _MOST_FEE_KEYS:
            raise _RpcError(_INVALID_PARAMS, f"Too many inputs provided; max {_MOST_FEE_KEYS}")
        for key in keys:
            _address(key)
        slots = range(self._state.slot - _FEE_SLOTS + 1, self._state.slot + 1)
        return msgspec.json.encode([{"slot": slot, "prioritizationFee": priority_fee(slot)} for slot in slots]).decode()

    def _read(self, address: str) -> str:
        account = self._state.read(address)
        return "null" if account is None else account.to_json()

    def _in_context(self, value: str) -> str:
        return f'{{"context":{{"apiVersion":"{_API_VERSION}","slot":{self._state.slot}}},"value":{value}}}'


class SolanaSession:
    """One WebSocket connection: subscription ids belong to it alone."""

    waits_for_reader = False

    def __init__(self, state: ChainState) -> None:
        self._state = state
        self._next_id = _FIRST_SUBSCRIPTION
        self._slots: set[int] = set()
        self._accounts: dict[int, str] = {}

    def due_ns(self) -> int:
        """Return NEVER: a node speaks only when something changes."""
        return NEVER

    def receive(self, frame: bytes, _now_ns: int) -> Sequence[Output]:
        """Answer one request."""
        request, complaint = _parse(frame)
        if request is None:
            return [complaint]
        try:
            return [_success(request.id, self._result(request.method, request.params))]
        except _RpcError as error:
            return [_failure(request.id, error)]

    def on_market(self, changes: Sequence[MarketChange], _now_ns: int) -> Sequence[Output]:
        """Notify of each block: the slot first, then the accounts that it wrote."""
        frames: list[Output] = []
        for change in changes:
            if isinstance(change, SlotAdvanced):
                frames += [_slot_notification(change, number) for number in sorted(self._slots)]
                frames += self._account_notifications(change)
        return frames

    def _account_notifications(self, change: SlotAdvanced) -> list[Output]:
        frames: list[Output] = []
        for written in self._state.written(change):
            numbers = [number for number, address in self._accounts.items() if address == written]
            account = self._state.read_at(written, change) if numbers else None
            if account is not None:
                value = account.to_json()
                frames += [_account_notification(change.slot, value, number) for number in numbers]
        return frames

    def _result(self, method: str, params: list[Any]) -> str:
        match method:
            case "slotSubscribe":
                number = self._take_id()
                self._slots.add(number)
                return str(number)
            case "accountSubscribe":
                address = _address(params[0] if params else None)
                _check_options(self._state, params[1] if len(params) > 1 else {})
                _check_encoding(params)
                number = self._take_id()
                self._accounts[number] = address
                return str(number)
            case "slotUnsubscribe" | "accountUnsubscribe":
                return self._unsubscribe(params[0] if params else None)
            case _:
                raise _RpcError(*_METHOD_NOT_FOUND)

    def _unsubscribe(self, number: object) -> str:
        if isinstance(number, int) and number in self._slots:
            self._slots.discard(number)
        elif not isinstance(number, int) or self._accounts.pop(number, None) is None:
            raise _RpcError(_INVALID_PARAMS, "Invalid subscription id.")
        return "true"

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id


def _parse(body: bytes) -> tuple[_Request, bytes] | tuple[None, bytes]:
    try:
        return _decoder.decode(body), b""
    except msgspec.ValidationError:
        return None, _failure(None, _RpcError(*_INVALID_REQUEST))
    except msgspec.DecodeError:
        return None, _failure(None, _RpcError(*_PARSE_ERROR))


def _address(key: object) -> str:
    if not isinstance(key, str):
        raise _RpcError(_INVALID_PARAMS, "Invalid params: missing or invalid pubkey.")
    try:
        return str(Pubkey.from_string(key))
    except ValueError as e:
        raise _RpcError(_INVALID_PARAMS, "Invalid param: Invalid") from e


def _check_reading(state: ReadableState, params: list[Any]) -> None:
    _check_options(state, params[1] if len(params) > 1 else {})
    _check_encoding(params)


def _check_options(state: ReadableState, options: object) -> None:
    if not isinstance(options, dict):
        raise _RpcError(_INVALID_PARAMS, "Invalid params: expected an object.")
    if options.get("commitment", "finalized") not in _COMMITMENTS:
        raise _RpcError(_INVALID_PARAMS, "Invalid params: unknown commitment.")
    least = options.get("minContextSlot", 0)
    if not isinstance(least, int) or isinstance(least, bool):
        raise _RpcError(_INVALID_PARAMS, "Invalid params: minContextSlot must be an integer.")
    if least > state.slot:
        raise _RpcError(_MIN_CONTEXT_SLOT, "Minimum context slot has not been reached", {"contextSlot": state.slot})


def _check_encoding(params: list[Any]) -> None:
    encoding = params[1].get("encoding", "base58") if len(params) > 1 else "base58"
    if encoding not in _ENCODINGS:
        message = "Encoded binary (base 58) data should be less than 128 bytes, please use Base64 encoding."
        raise _RpcError(_INVALID_REQUEST[0] if encoding == "base58" else _INVALID_PARAMS, message)


def _success(request_id: str | int | None, result: str) -> bytes:
    return f'{{"jsonrpc":"2.0","result":{result},"id":{msgspec.json.encode(request_id).decode()}}}'.encode()


def _failure(request_id: str | int | None, error: _RpcError) -> bytes:
    body: dict[str, object] = {"code": error.code, "message": error.message}
    if error.data is not None:
        body["data"] = error.data
    return msgspec.json.encode({"jsonrpc": "2.0", "error": body, "id": request_id})


def _slot_notification(change: SlotAdvanced, number: int) -> bytes:
    return (
        f'{{"jsonrpc":"2.0","method":"slotNotification","params":{{"result":{{"parent":{change.parent},'
        f'"root":{change.root},"slot":{change.slot}}},"subscription":{number}}}}}'
    ).encode()


def _account_notification(slot: int, value: str, number: int) -> bytes:
    return (
        f'{{"jsonrpc":"2.0","method":"accountNotification","params":{{"result":{{"context":{{"slot":{slot}}},'
        f'"value":{value}}},"subscription":{number}}}}}'
    ).encode()
