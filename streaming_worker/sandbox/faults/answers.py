"""What faults do to the answers to calls, and to clients that want to open a socket."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from streaming_worker.core.units import MILLIONTHS, NANOS_PER_MILLISECOND
from streaming_worker.sandbox.faces.session import HttpCall, HttpReply
from streaming_worker.sandbox.faces.wire import json_reply
from streaming_worker.sandbox.faults.damage import cut_short, with_foreign_bytes
from streaming_worker.sandbox.faults.levels import with_wrong_value
from streaming_worker.sandbox.faults.solana_wire import with_wrong_account
from streaming_worker.sandbox.faults.spec import SOLANA, FaultKind, Via
from streaming_worker.sandbox.faults.target import Target
from streaming_worker.sandbox.faults.times import with_times_moved

_SUCCESS: Final = 200
_TOO_MANY: Final = 429
_PAGE: Final = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"


class OldAnswers:
    """The answers that a venue gave before a fault began, by call."""

    def __init__(self, answers: Mapping[tuple[str, bytes], HttpReply]) -> None:
        self._answers = dict(answers)

    def get(self, call: HttpCall) -> HttpReply | None:
        """Return the old answer to the same call."""
        return self._answers.get((call.path, call.body))


def changed_answer(target: Target, old: OldAnswers, call: HttpCall, reply: HttpReply, now_ns: int) -> HttpReply | None:
    """Return the answer that a fault makes of the right one; None to leave it alone."""
    spec = target.spec
    if not target.is_about_path(call.path):
        return None
    match spec.kind:
        case FaultKind.HTTP_STATUS:
            return _refused(target, now_ns) if target.happens() else None
        case FaultKind.STALE_REPLAY:
            answer = old.get(call)
            if answer is not None:
                target.touch(answer.body, now_ns, "old answer")
            return answer
        case FaultKind.DELAY if spec.via is Via.HTTP:
            target.touch(reply.body, now_ns, f"late by {spec.delay_ms} ms")
            return replace(reply, after_ns=reply.after_ns + spec.delay_ms * NANOS_PER_MILLISECOND)
        case FaultKind.CLOCK_SKEW:
            return _rewritten(
                target, reply, with_times_moved(target.venue, reply.body, spec.skew_ms * MILLIONTHS), now_ns
            )
        case _:
            is_chosen = spec.via is Via.HTTP and reply.status == _SUCCESS and target.happens()
            return _rewritten(target, reply, _damaged(target, reply.body), now_ns) if is_chosen else None


def refusal(target: Target, now_ns: int) -> HttpReply | None:
    """Return the answer to a client that wants to open a socket; None lets it in."""
    if target.spec.kind is not FaultKind.REFUSE_CONNECT or not target.happens():
        return None
    return _refused(target, now_ns)


def _damaged(target: Target, body: bytes) -> bytes | None:
    spec = target.spec
    match spec.kind:
        case FaultKind.TRUNCATE:
            return cut_short(body, target.rng)
        case FaultKind.CORRUPT_BYTES:
            return with_foreign_bytes(body, target.rng)
        case FaultKind.CORRUPT_VALUES:
            return with_wrong_value(target.venue, body, spec.lie, target.rng)
        case FaultKind.RPC_LIE:
            return with_wrong_account(body, spec.lie, target.rng)
        case _:
            return None


def _rewritten(target: Target, reply: HttpReply, body: bytes | None, now_ns: int) -> HttpReply | None:
    if body is None or body == reply.body:
        return None
    target.touch(reply.body, now_ns, target.spec.kind.value)
    return replace(reply, body=body)


def _refused(target: Target, now_ns: int) -> HttpReply:
    spec = target.spec
    target.touch(None, now_ns, f"answered {spec.status}")
    headers = {} if spec.retry_after_s is None else {"retry-after": str(spec.retry_after_s)}
    if spec.status == _TOO_MANY and spec.venue == SOLANA:
        error = {"code": _TOO_MANY, "message": "Too many requests for a specific RPC call"}
        reply = json_reply({"jsonrpc": "2.0", "error": error, "id": None}, status=_TOO_MANY)
        return replace(reply, headers=headers)
    page = _PAGE.format(f"{spec.status} fault").encode()
    return HttpReply(status=spec.status, body=page, headers={"content-type": "text/html", **headers})
