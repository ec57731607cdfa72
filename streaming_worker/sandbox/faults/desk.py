"""The control port's part about faults: which there were, begin one, end one or all.

GET /faults[?at_ns=N], GET /faults/<number>, POST /faults with a fault as JSON, DELETE /faults[/<number>].
"""

import msgspec

from streaming_worker.sandbox.faces.session import HttpCall, HttpReply
from streaming_worker.sandbox.faces.wire import json_reply, split_target, whole_number
from streaming_worker.sandbox.faults.layer import FaultLayer
from streaming_worker.sandbox.faults.log import FaultRecord
from streaming_worker.sandbox.faults.spec import FaultSpec, complaint

_NANOS_DIGITS = 19


class FaultDesk:
    """Answers questions about faults and takes orders for them."""

    def __init__(self, layer: FaultLayer, venues: frozenset[str]) -> None:
        self._layer = layer
        self._venues = venues

    def answer(self, call: HttpCall, now_ns: int) -> HttpReply:
        """Answer one call under /faults."""
        path, query = split_target(call.path)
        number = whole_number(path.removeprefix("/faults").strip("/") or None, otherwise=0)
        match call.method:
            case "GET" if number:
                return _one(self._layer.log.get(number))
            case "GET":
                at_ns = moment(query.get("at_ns"))
                log = self._layer.log
                return json_reply(log.everything() if at_ns is None else log.active_at(at_ns))
            case "POST":
                return self._begin(call.body, now_ns)
            case "DELETE" if number:
                self._layer.end(number, now_ns)
                return _one(self._layer.log.get(number))
            case "DELETE":
                self._layer.end_all(now_ns)
                return json_reply({"active": 0})
            case _:
                return json_reply({"error": "unknown path"}, status=404)

    def _begin(self, body: bytes, now_ns: int) -> HttpReply:
        try:
            spec = msgspec.json.decode(body, type=FaultSpec)
        except msgspec.MsgspecError as e:
            return json_reply({"error": str(e)}, status=400)
        problem = complaint(spec, self._venues)
        if problem is not None:
            return json_reply({"error": f"expected that {problem}"}, status=400)
        return json_reply(self._layer.begin(spec, now_ns), status=201)


def moment(text: str | None) -> int | None:
    """Read a time in nanoseconds; None for anything else."""
    is_number = text is not None and text.isascii() and text.isdecimal() and len(text) <= _NANOS_DIGITS
    return int(text) if text is not None and is_number else None


def _one(record: FaultRecord | None) -> HttpReply:
    return json_reply({"error": "unknown fault"}, status=404) if record is None else json_reply(record)
