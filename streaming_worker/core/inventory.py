"""Shadow balances: what each venue would hold of each asset, what pending trades have reserved of it.

Every amount is an exact integer, asset x 1e8 (``_e8``). That is exact for every order-book amount, for pool tokens of
up to eight decimals and for lot-rounded sizes of finer ones; lamports become 1e-8 SOL rounded against us before they
get here. Nothing here knows a price, a clock or how an amount came about.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from streaming_worker.core.instrument import Venue
from streaming_worker.core.units import MILLIONTHS, ceil_div
from streaming_worker.errors import ConfigError

RECOVERY_MILLIONTHS = 1_100_000


class Allocation(msgspec.Struct, frozen=True, kw_only=True):
    """One configured balance.

    Units: asset x 1e8. ``initial_e8`` is held at the start, ``target_e8`` is where rebalancing aims, below ``low_e8``
    the balance is reported.
    """

    venue: Venue
    asset: str
    initial_e8: int
    target_e8: int
    low_e8: int = 0


class Flow(msgspec.Struct, frozen=True, gc=False):
    """What one balance gains (positive) or gives (negative). Units: asset x 1e8."""

    venue: Venue
    asset: str
    delta_e8: int


class Shortfall(msgspec.Struct, frozen=True, gc=False):
    """Why nothing was changed: a balance does not hold what was asked of it. Units: asset x 1e8."""

    venue: Venue
    asset: str
    needed_e8: int
    free_e8: int


class AlertKind(StrEnum):
    """What a balance has to report."""

    LOW_BALANCE = "low_balance"
    RECOVERED = "recovered"


class BalanceAlert(msgspec.Struct, frozen=True, gc=False, tag="balance_alert"):
    """A balance fell below its limit, or is well above it again. Units: asset x 1e8; ``received_ns`` is event time."""

    kind: AlertKind
    venue: Venue
    asset: str
    total_e8: int
    low_e8: int
    received_ns: int


class Drift(msgspec.Struct, frozen=True, gc=False):
    """How far a balance is from its target.

    Units:  asset x 1e8; ``drift_e8`` is signed (positive: too much), ``distance_e8`` its absolute value;
            ``drift_millionths`` is the signed share of the target, None where the target is 0.
    Rounds: the share away from zero: a drift is never shown too small.
    """

    venue: Venue
    asset: str
    total_e8: int
    target_e8: int
    drift_e8: int
    distance_e8: int
    drift_millionths: int | None


class Balance(msgspec.Struct):
    """One asset at one venue. Units: asset x 1e8; 0 <= ``reserved_e8`` <= ``total_e8`` holds always."""

    venue: Venue
    asset: str
    total_e8: int
    target_e8: int
    low_e8: int
    reserved_e8: int = 0
    is_low: bool = False

    @property
    def free_e8(self) -> int:
        """What no pending trade has reserved; never negative."""
        return self.total_e8 - self.reserved_e8


class Inventory(msgspec.Struct):
    """Every balance by ``venue:asset`` and the reservations on them; part of the keyframe.

    Order is the configured order; a balance that no one configured appears at the end when something first flows in,
    with target and limit 0.
    """

    balances: dict[str, Balance] = {}
    reservations: dict[str, tuple[Flow, ...]] = {}

    @classmethod
    def of(cls, allocations: Iterable[Allocation]) -> "Inventory":
        """Build the opening inventory. Raises ConfigError on a repeated balance or a negative amount."""
        balances: dict[str, Balance] = {}
        for line in allocations:
            key = balance_key(line.venue, line.asset)
            if key in balances:
                raise ConfigError(f"balance {key} is configured twice", key=key)
            if min(line.initial_e8, line.target_e8, line.low_e8) < 0:
                raise ConfigError(f"balance {key}: expected amounts of at least 0, received {line}", key=key)
            balances[key] = Balance(line.venue, line.asset, line.initial_e8, line.target_e8, line.low_e8)
        return cls(balances=balances, reservations={})

    def total_e8(self, venue: Venue, asset: str) -> int:
        """Return what a venue holds of an asset, reserved or not."""
        balance = self.balances.get(balance_key(venue, asset))
        return 0 if balance is None else balance.total_e8

    def free_e8(self, venue: Venue, asset: str) -> int:
        """Return what a venue holds of an asset and no pending trade has reserved."""
        balance = self.balances.get(balance_key(venue, asset))
        return 0 if balance is None else balance.free_e8

    def spendable_e8(self, reservation_id: str, venue: Venue, asset: str) -> int:
        """Return what the holder of a reservation can spend: the free balance and its own reservation."""
        reserved = sum(
            -flow.delta_e8
            for flow in self.reservations[reservation_id]
            if flow.venue == venue and flow.asset == asset and flow.delta_e8 < 0
        )
        return self.free_e8(venue, asset) + reserved

    def totals(self) -> dict[str, int]:
        """Return the sum over venues of each asset (x 1e8), in order of first appearance."""
        sums: dict[str, int] = {}
        for balance in self.balances.values():
            sums[balance.asset] = sums.get(balance.asset, 0) + balance.total_e8
        return sums

    def drifts(self) -> tuple[Drift, ...]:
        """Return how far each balance is from its target, in order."""
        return tuple(_drift(balance) for balance in self.balances.values())

    def reserve(self, reservation_id: str, needs: Iterable[Flow]) -> Shortfall | None:
        """Set aside what a pending trade may give; None when all of it is set aside, else nothing is.

        Only outflows (negative flows) reserve; the same balance may be named more than once.
        Raises: ValueError for an id that already has a reservation.
        """
        if reservation_id in self.reservations:
            raise ValueError(f"reservation {reservation_id} exists already")
        held = tuple(flow for flow in needs if flow.delta_e8 < 0)
        needed = _by_key(held)
        for flow in needed.values():
            free = self.free_e8(flow.venue, flow.asset)
            if -flow.delta_e8 > free:
                return Shortfall(flow.venue, flow.asset, -flow.delta_e8, free)
        for key, flow in needed.items():
            self.balances[key].reserved_e8 -= flow.delta_e8
        self.reservations[reservation_id] = held
        return None

    def release(self, reservation_id: str) -> None:
        """Give a reservation back unused. Raises KeyError for an unknown id."""
        for key, flow in _by_key(self.reservations.pop(reservation_id)).items():
            self.balances[key].reserved_e8 += flow.delta_e8

    def settle(self, reservation_id: str, flows: Iterable[Flow]) -> Shortfall | None:
        """Replace a reservation by what really flowed; None when done.

        A Shortfall changes nothing: what flowed exceeds the reservation and the free balance together (see
        ``spendable_e8``), so such a trade could not have happened. Raises KeyError for an unknown id.
        """
        own = _by_key(self.reservations[reservation_id])
        net = _by_key(flows)
        shortfall = self._shortfall(net, own)
        if shortfall is not None:
            return shortfall
        self.release(reservation_id)
        self._move(net)
        return None

    def apply(self, flows: Iterable[Flow]) -> Shortfall | None:
        """Move amounts that nothing was reserved for (transfers); None when done, a Shortfall changes nothing."""
        net = _by_key(flows)
        shortfall = self._shortfall(net, {})
        if shortfall is None:
            self._move(net)
        return shortfall

    def alerts(self, now_ns: int) -> list[BalanceAlert]:
        """Return what changed since the last call, in order.

        A balance is low when its total is below its limit; it has recovered at 110 % of the limit, so that one trade
        back and forth does not repeat the alert. Reservations do not count: what is set aside is still there.
        """
        found = []
        for balance in self.balances.values():
            kind = _alert(balance)
            if kind is not None:
                balance.is_low = kind is AlertKind.LOW_BALANCE
                found.append(BalanceAlert(kind, balance.venue, balance.asset, balance.total_e8, balance.low_e8, now_ns))
        return found

    def _shortfall(self, net: dict[str, Flow], own: dict[str, Flow]) -> Shortfall | None:
        for key, flow in net.items():
            reserved = -own[key].delta_e8 if key in own else 0
            spendable = self.free_e8(flow.venue, flow.asset) + reserved
            if spendable + flow.delta_e8 < 0:
                return Shortfall(flow.venue, flow.asset, -flow.delta_e8, spendable)
        return None

    def _move(self, net: dict[str, Flow]) -> None:
        for key, flow in net.items():
            if key not in self.balances:
                self.balances[key] = Balance(flow.venue, flow.asset, 0, 0, 0)
            self.balances[key].total_e8 += flow.delta_e8


def balance_key(venue: Venue, asset: str) -> str:
    """Return the identifier of a balance: ``venue:asset``."""
    return f"{venue.value}:{asset}"


def _by_key(flows: Iterable[Flow]) -> dict[str, Flow]:
    """Sum flows by balance, in order of first appearance."""
    sums: dict[str, Flow] = {}
    for flow in flows:
        key = balance_key(flow.venue, flow.asset)
        before = sums[key].delta_e8 if key in sums else 0
        sums[key] = Flow(flow.venue, flow.asset, before + flow.delta_e8)
    return sums


def _drift(balance: Balance) -> Drift:
    drift = balance.total_e8 - balance.target_e8
    share = None
    if balance.target_e8 > 0:
        share = ceil_div(abs(drift) * MILLIONTHS, balance.target_e8) * (1 if drift >= 0 else -1)
    return Drift(balance.venue, balance.asset, balance.total_e8, balance.target_e8, drift, abs(drift), share)


def _alert(balance: Balance) -> AlertKind | None:
    if not balance.is_low:
        return AlertKind.LOW_BALANCE if balance.total_e8 < balance.low_e8 else None
    is_recovered = balance.total_e8 * MILLIONTHS >= balance.low_e8 * RECOVERY_MILLIONTHS
    return AlertKind.RECOVERED if is_recovered else None
