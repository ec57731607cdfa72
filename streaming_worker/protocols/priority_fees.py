"""What others pay for priority on a pool's accounts: asked of the node every some slots, one answer an event.

A node that refuses or cannot answer is asked again; meanwhile what is held ages, and the engine refuses what is old.
Source: solana.com/docs/rpc/http/getrecentprioritizationfees: up to 150 recent slots, each with the least fee of a
landed transaction that locks all of the given accounts for writing.
"""

from collections.abc import Iterable
from typing import Final

from streaming_worker.core.events import Event, PriorityFees
from streaming_worker.core.units import Nanos
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols import solana_rpc as rpc
from streaming_worker.protocols.base import HttpRequest
from streaming_worker.protocols.solana_pool import PoolAccounts

_METHOD: Final = "getRecentPrioritizationFees"


class PriorityFeeWatch:
    """Asks for each pool in turn; holds only when to ask next."""

    def __init__(self, every_slots: int) -> None:
        self._every_slots = every_slots
        self._next_slot = 0

    def forget(self) -> None:
        """Start over on a fresh connection."""
        self._next_slot = 0

    def due(self, slot: int, pools: Iterable[PoolAccounts]) -> list[HttpRequest]:
        """Return the calls to make at a slot: those of every pool whose accounts are known."""
        if slot < self._next_slot:
            return []
        known = [pool for pool in pools if pool.written_addresses]
        if known:
            self._next_slot = slot + self._every_slots
        return [
            HttpRequest(f"{_METHOD} {pool.key}", "POST", "", rpc.read_priority_fees(pool.written_addresses), True)
            for pool in known
        ]

    @staticmethod
    def is_answered_by(request: HttpRequest) -> bool:
        """Return whether a call is one of these."""
        return request.key.startswith(_METHOD)


def fee_events(request: HttpRequest, body: bytes, slot: int, received_ns: Nanos) -> list[Event]:
    """Return what an answer says; nothing where the node had none.

    Raises: FeedFormatError, which is harmless to the pool.
    """
    try:
        reply = rpc.fees_reply(body)
    except FeedFormatError as e:
        raise FeedFormatError(str(e), is_harmless=True) from e
    if reply.result is None:
        return []
    newest = max((one.slot for one in reply.result), default=slot)
    fees = tuple(sorted(one.prioritization_fee for one in reply.result))
    return [PriorityFees(request.key.removeprefix(_METHOD).strip(), newest, fees, received_ns)]
