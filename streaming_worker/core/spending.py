"""What trades asked of each balance lately, and what that lets us expect until a transfer could arrive.

Counted by whole windows of event time: the last full one and the running one, so that it forgets in time.
"""

from collections.abc import Iterable

import msgspec

from streaming_worker.core.inventory import Flow, balance_key
from streaming_worker.core.rebalancing import Demand, TransferRoute
from streaming_worker.core.units import MILLIONTHS, NANOS_PER_HOUR


class Spent(msgspec.Struct):
    """What one balance gave to trades. Units: asset x 1e8; USD x 1e8 of what those trades were planned to earn."""

    venue: str
    asset: str
    spent_e8: int = 0
    net_usd_e8: int = 0
    notional_usd_e8: int = 0


class Spending(msgspec.Struct):
    """The last full window and the running one, by balance; part of the keyframe."""

    since_ns: int | None = None
    before: dict[str, Spent] = {}
    now: dict[str, Spent] = {}

    def note(self, flows: Iterable[Flow], *, net_usd_e8: int, notional_usd_e8: int, now_ns: int) -> None:
        """Count what a trade sets aside, by balance."""
        self._turn(now_ns)
        for flow in flows:
            if flow.delta_e8 >= 0:
                continue
            key = balance_key(flow.venue, flow.asset)
            spent = self.now.setdefault(key, Spent(flow.venue.value, flow.asset))
            spent.spent_e8 -= flow.delta_e8
            spent.net_usd_e8 += net_usd_e8
            spent.notional_usd_e8 += notional_usd_e8

    def demands(self, routes: Iterable[TransferRoute], now_ns: int) -> tuple[Demand, ...]:
        """Return what each balance will be asked for while its slowest transfer is on its way, if things go on so.

        A balance that no transfer reaches has no demand: nothing could be done about it. Rounds: down.
        """
        self._turn(now_ns)
        since_ns = self.since_ns
        assert since_ns is not None
        start_ns = since_ns - NANOS_PER_HOUR if self.before else since_ns
        elapsed_ns = max(1, now_ns - start_ns)
        slowest: dict[str, TransferRoute] = {}
        for route in routes:
            held = slowest.get(route.destination_key)
            if held is None or route.duration_ns > held.duration_ns:
                slowest[route.destination_key] = route
        found = []
        for key, route in slowest.items():
            parts = [window[key] for window in (self.before, self.now) if key in window]
            notional = sum(part.notional_usd_e8 for part in parts)
            if notional > 0:
                spent = sum(part.spent_e8 for part in parts) * route.duration_ns // elapsed_ns
                edge = sum(part.net_usd_e8 for part in parts) * MILLIONTHS // notional
                found.append(Demand(route.destination, route.received_asset, spent, edge))
        return tuple(found)

    def _turn(self, now_ns: int) -> None:
        """Begin a window where the running one has lasted an hour; two hours of nothing forget everything."""
        if self.since_ns is None:
            self.since_ns = now_ns
        elif now_ns - self.since_ns >= 2 * NANOS_PER_HOUR:
            self.since_ns, self.before, self.now = now_ns, {}, {}
        elif now_ns - self.since_ns >= NANOS_PER_HOUR:
            self.since_ns, self.before, self.now = self.since_ns + NANOS_PER_HOUR, self.now, {}
