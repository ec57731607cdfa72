"""Bringing balances back to target: which transfers, at what cost and time, and the transfers on their way.

Everything is simulated: a transfer here moves shadow balances. What a single trade owes to rebalancing is in
``rebalancing_cost.py``.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from streaming_worker.core.instrument import Venue
from streaming_worker.core.inventory import Flow, Inventory, Shortfall, balance_key
from streaming_worker.core.units import E8, MILLIONTHS, ceil_div, notional_e8_ceil
from streaming_worker.errors import ConfigError

MOST_TRANSFERS = 3


class TransferRoute(msgspec.Struct, frozen=True, kw_only=True):
    """One way to move an asset between two venues.

    Units: asset x 1e8 of what arrives; ``fee_millionths`` of what arrives, beside the fixed fee; both are paid at the
    source. ``minimum_e8`` is the least that may arrive. ``typical_e8`` is the transfer over which a single trade's
    share of the fixed fee is reckoned. ``credited_as`` is the asset at the destination where the venue books another
    one at par (USDC arriving as USD); the cost of that belongs into the fees.
    """

    source: Venue
    destination: Venue
    asset: str
    fixed_fee_e8: int
    fee_millionths: int
    duration_ns: int
    minimum_e8: int
    typical_e8: int
    terms: str
    credited_as: str | None = None

    @property
    def received_asset(self) -> str:
        """The asset that the destination books."""
        return self.asset if self.credited_as is None else self.credited_as

    @property
    def source_key(self) -> str:
        """The balance that pays."""
        return balance_key(self.source, self.asset)

    @property
    def destination_key(self) -> str:
        """The balance that receives."""
        return balance_key(self.destination, self.received_asset)


class RebalancingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How balances are brought back.

    Units: millionths. ``band_millionths``: a balance short of its target by no more than this share is left alone.
    ``is_automatic``: a recommended transfer departs at once, simulated like everything.
    """

    routes: tuple[TransferRoute, ...] = ()
    band_millionths: int = 100_000
    is_automatic: bool = False


class Demand(msgspec.Struct, frozen=True, gc=False):
    """What trades are expected to ask of one balance until a transfer could help, and what they would earn with it.

    Units: asset x 1e8; ``net_edge_millionths`` of the value traded.
    """

    venue: Venue
    asset: str
    spend_e8: int
    net_edge_millionths: int


class ProposedTransfer(msgspec.Struct, frozen=True, gc=False):
    """One transfer of a recommendation. Units: asset x 1e8: ``amount_e8`` arrives, amount and fee leave the source."""

    source: Venue
    destination: Venue
    asset: str
    received_asset: str
    amount_e8: int
    fee_e8: int
    duration_ns: int
    terms: str


class Recommendation(msgspec.Struct, frozen=True, gc=False, tag="rebalancing_recommendation"):
    """The cheapest transfers towards the targets of one group of assets that routes connect.

    Units: asset x 1e8 for ``fee_e8`` and ``uncovered_e8`` (what stays missing); the transfers run side by side, so
    ``duration_ns`` is the longest. ``cost_usd_e8`` is the fee at the given price, rounded up, None without a price.
    ``cost_of_waiting_usd_e8`` is the profit missed without any transfer, rounded down; None where no demand is known.
    """

    assets: tuple[str, ...]
    transfers: tuple[ProposedTransfer, ...]
    fee_e8: int
    uncovered_e8: int
    duration_ns: int
    cost_usd_e8: int | None
    cost_of_waiting_usd_e8: int | None
    received_ns: int


class Transfer(msgspec.Struct, frozen=True, gc=False, tag="transfer"):
    """A simulated transfer: it has left the source and arrives at ``arrives_ns``. Units: asset x 1e8."""

    transfer_id: str
    proposal: ProposedTransfer
    departed_ns: int
    arrives_ns: int


class Transfers(msgspec.Struct):
    """The transfers on their way, by departure; part of the keyframe."""

    in_flight: list[Transfer] = []

    def depart(
        self, inventory: Inventory, proposal: ProposedTransfer, *, transfer_id: str, now_ns: int
    ) -> Transfer | Shortfall:
        """Take amount and fee from the source's free balance; a Shortfall changes nothing."""
        paid = Flow(proposal.source, proposal.asset, -(proposal.amount_e8 + proposal.fee_e8))
        shortfall = inventory.apply((paid,))
        if shortfall is not None:
            return shortfall
        transfer = Transfer(transfer_id, proposal, now_ns, now_ns + proposal.duration_ns)
        self.in_flight.append(transfer)
        return transfer

    def arrive_due(self, inventory: Inventory, now_ns: int) -> list[Transfer]:
        """Book what has arrived by now and return it, by arrival, then by departure."""
        due = sorted((t for t in self.in_flight if t.arrives_ns <= now_ns), key=lambda transfer: transfer.arrives_ns)
        for transfer in due:
            proposal = transfer.proposal
            inventory.apply((Flow(proposal.destination, proposal.received_asset, proposal.amount_e8),))
        self.in_flight = [transfer for transfer in self.in_flight if transfer.arrives_ns > now_ns]
        return due

    def arriving_e8(self, venue: Venue, asset: str) -> int:
        """Return what is on its way to a balance."""
        return sum(
            transfer.proposal.amount_e8
            for transfer in self.in_flight
            if (transfer.proposal.destination, transfer.proposal.received_asset) == (venue, asset)
        )


def check_routes(routes: Iterable[TransferRoute]) -> None:
    """Raise ConfigError for a route to its own balance or with an amount, fee or time that cannot be."""
    for route in routes:
        name = f"transfer {route.source_key} to {route.destination_key}"
        if route.source_key == route.destination_key:
            raise ConfigError(f"{name}: expected two different balances", key=name)
        if min(route.fixed_fee_e8, route.fee_millionths, route.duration_ns, route.minimum_e8) < 0:
            raise ConfigError(f"{name}: expected fees, time and minimum of at least 0, received {route}", key=name)
        if route.typical_e8 < max(1, route.minimum_e8):
            raise ConfigError(f"{name}: expected a typical amount of at least 1 and the minimum", key=name)


def transfer_fee_e8(route: TransferRoute, amount_e8: int) -> int:
    """Return what it costs that ``amount_e8`` arrives, in the asset x 1e8. Rounds: up, against us."""
    return route.fixed_fee_e8 + ceil_div(amount_e8 * route.fee_millionths, MILLIONTHS)


def recommend(
    inventory: Inventory,
    transfers: Transfers,
    settings: RebalancingSettings,
    *,
    prices: Mapping[str, int],
    demands: Iterable[Demand],
    now_ns: int,
) -> tuple[Recommendation, ...]:
    """Return one recommendation per group of assets that has a balance short of its target beyond the band.

    Rule: of all plans of at most three transfers from balances above target to balances below it, the one that
    leaves the least missing; of these the one with the lowest fee; then the shortest; then the first in configured
    order. A source never goes below its target nor into a reservation, its fee included; no balance goes above its
    target; what is on its way counts as arrived. Exact for up to four balances off target (each plan worth having has
    fewer transfers than balances), up to the rounding of proportional fees.
    Units: ``prices`` in USD x 1e8 by asset.
    """
    wanted = tuple(demands)
    found = []
    for assets in _groups(inventory, settings.routes):
        spare, missing = _off_target(inventory, transfers, settings, assets)
        if not missing:
            continue
        routes = tuple(r for r in settings.routes if r.source_key in spare and r.destination_key in missing)
        plan = min(_plans(routes, spare, missing, MOST_TRANSFERS), key=lambda tried: _score(tried, missing))
        uncovered, fee, duration = _score(plan, missing)
        found.append(
            Recommendation(
                assets=assets,
                transfers=plan,
                fee_e8=fee,
                uncovered_e8=uncovered,
                duration_ns=duration,
                cost_usd_e8=_cost_usd_e8(plan, prices),
                cost_of_waiting_usd_e8=cost_of_waiting(
                    inventory, transfers, (demand for demand in wanted if demand.asset in assets), prices
                ),
                received_ns=now_ns,
            )
        )
    return tuple(found)


def cost_of_waiting(
    inventory: Inventory, transfers: Transfers, demands: Iterable[Demand], prices: Mapping[str, int]
) -> int | None:
    """Return the profit that is missed because balances, with what is on its way to them, fall short of a demand.

    Units:  USD x 1e8; ``prices`` in USD x 1e8 by asset. None without any demand or without the price of one.
    Rounds: down, so that a transfer is never made to look worth more than it is.
    """
    missed = None
    for demand in demands:
        price = prices.get(demand.asset)
        if price is None:
            return None
        held = inventory.total_e8(demand.venue, demand.asset) + transfers.arriving_e8(demand.venue, demand.asset)
        value = price * max(0, demand.spend_e8 - held) // E8
        missed = (missed or 0) + value * demand.net_edge_millionths // MILLIONTHS
    return missed


def _groups(inventory: Inventory, routes: Iterable[TransferRoute]) -> list[tuple[str, ...]]:
    """Return the assets held, those that a route turns into each other together, in order of first appearance."""
    groups: list[tuple[str, ...]] = [(asset,) for asset in inventory.totals()]
    for route in routes:
        joined = [group for group in groups if route.asset in group or route.received_asset in group]
        if len(joined) > 1:
            merged = tuple(asset for group in joined for asset in group)
            groups = [merged if group is joined[0] else group for group in groups if group not in joined[1:]]
    return groups


def _off_target(
    inventory: Inventory, transfers: Transfers, settings: RebalancingSettings, assets: tuple[str, ...]
) -> tuple[dict[str, int], dict[str, int]]:
    """Return what each balance can spare and what each misses, by key, in order."""
    spare: dict[str, int] = {}
    missing: dict[str, int] = {}
    for key, balance in inventory.balances.items():
        if balance.asset not in assets:
            continue
        extra = min(balance.total_e8 - balance.target_e8, balance.free_e8)
        if extra > 0:
            spare[key] = extra
        short = balance.target_e8 - balance.total_e8 - transfers.arriving_e8(balance.venue, balance.asset)
        if short * MILLIONTHS > balance.target_e8 * settings.band_millionths:
            missing[key] = short
    return spare, missing


def _plans(
    routes: tuple[TransferRoute, ...], spare: dict[str, int], missing: dict[str, int], most: int
) -> Iterator[tuple[ProposedTransfer, ...]]:
    """Yield every plan in which each transfer, in turn, moves all that it can or just its minimum.

    The best plan is among them: given which routes are used, the cost is linear, so some best plan has every transfer
    at its minimum, or emptying what its source can spare, or filling what its destination misses.
    """
    yield ()
    if most == 0:
        return
    for index, route in enumerate(routes):
        source, destination = route.source_key, route.destination_key
        for amount in _amounts(route, spare[source], missing[destination]):
            fee = transfer_fee_e8(route, amount)
            transfer = ProposedTransfer(
                source=route.source,
                destination=route.destination,
                asset=route.asset,
                received_asset=route.received_asset,
                amount_e8=amount,
                fee_e8=fee,
                duration_ns=route.duration_ns,
                terms=route.terms,
            )
            rest = _plans(
                routes[:index] + routes[index + 1 :],
                spare | {source: spare[source] - amount - fee},
                missing | {destination: missing[destination] - amount},
                most - 1,
            )
            yield from ((transfer, *others) for others in rest)


def _amounts(route: TransferRoute, spare_e8: int, missing_e8: int) -> tuple[int, ...]:
    affordable = max(0, spare_e8 - route.fixed_fee_e8) * MILLIONTHS // (MILLIONTHS + route.fee_millionths)
    most = min(affordable, missing_e8)
    if most < max(1, route.minimum_e8):
        return ()
    return (most, route.minimum_e8) if 0 < route.minimum_e8 < most else (most,)


def _score(plan: tuple[ProposedTransfer, ...], missing: dict[str, int]) -> tuple[int, int, int]:
    """Return (what stays missing, fees, longest duration): the lower the better, in this order."""
    uncovered = sum(missing.values()) - sum(transfer.amount_e8 for transfer in plan)
    fee = sum(transfer.fee_e8 for transfer in plan)
    return uncovered, fee, max((transfer.duration_ns for transfer in plan), default=0)


def _cost_usd_e8(plan: tuple[ProposedTransfer, ...], prices: Mapping[str, int]) -> int | None:
    if any(transfer.asset not in prices for transfer in plan):
        return None
    return sum(notional_e8_ceil(prices[transfer.asset], transfer.fee_e8) for transfer in plan)
