"""The worker as it is now: feeds, books, pools, risk and shadow inventory from the live view."""

import hashlib
from collections.abc import Mapping

import msgspec

from streaming_worker.api.reading.markets import Market, Markets, venue_of
from streaming_worker.api.reading.shaping import share_bps, share_percent
from streaming_worker.api.schemas.base import e8, maybe_moment, milliseconds, moment, usd
from streaming_worker.api.schemas.market import BookTop, Feed, Link, PoolTop
from streaming_worker.api.schemas.risk import (
    Acknowledgement,
    Advice,
    AdviceTransfer,
    Balance,
    Inventory,
    Transfer,
)
from streaming_worker.api.schemas.system import WorkerLink
from streaming_worker.api.worker_link import WorkerView
from streaming_worker.core.feed_state import HEALTHY, FeedState
from streaming_worker.core.rebalancing import Recommendation
from streaming_worker.core.units import E8, NANOS_PER_MILLISECOND
from streaming_worker.service.health import FeedHealth
from streaming_worker.service.live import LiveBalance, LiveBook, LivePool


def worker(view: WorkerView) -> WorkerLink:
    """Return whether the worker is there."""
    health = view.health
    return WorkerLink(
        state=view.link,
        detail=view.detail,
        name=view.worker,
        run_id=view.run_id,
        age_ms=view.age_ms,
        since_at=moment(view.since_ns),
        started_at=None if health is None else moment(health.started_ns),
        events=view.events,
        digest=None if health is None else health.digest,
        restarts=max(0, view.runs - 1),
    )


def feeds(view: WorkerView, markets: Markets) -> list[Feed]:
    """Return every feed; while the worker does not answer they are lost, with what was last known."""
    if view.health is None:
        return []
    return [_feed(name, feed, view, markets) for name, feed in view.health.feeds.items()]


def _feed(name: str, feed: FeedHealth, view: WorkerView, markets: Markets) -> Feed:
    is_known = view.link is Link.UP
    venues = list(dict.fromkeys(venue_of(key) for key in markets.feeds.get(name, ())))
    return Feed(
        id=name,
        venue=venues[0] if venues else name,
        venues=venues,
        state=feed.state if is_known else FeedState.LOST,
        is_healthy=is_known and feed.state in HEALTHY,
        detail=feed.detail if is_known else f"the worker: {view.detail}",
        transport=feed.transport if is_known else FeedState.LOST,
        host=feed.host,
        markets=feed.books,
        unsynced=feed.unsynced,
        alive_age_ms=feed.alive_age_ms,
        data_age_ms=feed.data_age_ms,
        lag_ms=feed.lag_ms,
        offset_ms=milliseconds(view.offsets_ns.get(name)),
        retry_in_ms=feed.retry_in_ms,
        connection=feed.connection,
        failures=feed.failures,
        losses=feed.losses,
        close_code=feed.close_code,
        frames=feed.frames,
        bytes_received=feed.bytes_received,
        bad_frames=feed.bad_frames,
        gaps=feed.gaps,
        slot=feed.slot,
        slot_age_ms=feed.slot_age_ms,
    )


def books(view: WorkerView, markets: Markets, now_ns: int) -> list[BookTop]:
    """Return the top of every book."""
    return [book(key, top, view, markets, now_ns) for key, top in view.books.items()]


def book(key: str, top: LiveBook, view: WorkerView, markets: Markets, now_ns: int) -> BookTop:
    """Return the top of one book."""
    bid, ask = top.best_bid, top.best_ask
    market = markets.books.get(key) or _unknown(key)
    middle_twice = None if bid is None or ask is None else bid[0] + ask[0]
    return BookTop(
        id=key,
        venue=market.venue,
        symbol=market.symbol,
        base=market.base,
        quote=market.quote,
        feed=market.feed,
        state=_state(view, market.feed, key, is_synced=top.is_synced),
        is_synced=top.is_synced and view.is_up,
        is_crossed=top.is_crossed,
        best_bid=None if bid is None else e8(bid[0]),
        best_bid_size=None if bid is None else e8(bid[1]),
        best_ask=None if ask is None else e8(ask[0]),
        best_ask_size=None if ask is None else e8(ask[1]),
        mid=None if middle_twice is None else e8(middle_twice // 2),
        spread_bps=None if bid is None or ask is None else share_bps((ask[0] - bid[0]) * 2, bid[0] + ask[0]),
        bids=top.bids,
        asks=top.asks,
        updates=top.updates,
        age_ms=_age(top.received_ns, now_ns),
        lag_ms=milliseconds(top.lag_ns),
        received_at=maybe_moment(top.received_ns or None),
    )


def pools(view: WorkerView, markets: Markets, now_ns: int) -> list[PoolTop]:
    """Return every pool."""
    return [pool(key, top, view, markets, now_ns) for key, top in view.pools.items()]


def pool(key: str, top: LivePool, view: WorkerView, markets: Markets, now_ns: int) -> PoolTop:
    """Return one pool."""
    market = markets.pools.get(key) or _unknown(key)
    return PoolTop(
        id=key,
        venue=market.venue,
        address=market.symbol,
        base=market.base,
        quote=market.quote,
        feed=market.feed,
        state=_state(view, market.feed, key, is_synced=top.is_synced),
        is_synced=top.is_synced and view.is_up,
        price=e8(top.mid_e8),
        sqrt_price_x64=top.sqrt_price_x64,
        tick_current_index=top.tick_current_index,
        liquidity=top.liquidity,
        slot=top.slot,
        updates=top.updates,
        age_ms=_age(top.received_ns, now_ns),
        received_at=maybe_moment(top.received_ns),
    )


def inventory(view: WorkerView, acknowledged: Mapping[str, Acknowledgement], now_ns: int) -> Inventory:
    """Return the shadow balances, the transfers on their way, and the advice."""
    holdings = view.holdings
    if holdings is None:
        return Inventory(is_kept=False, balances=[], value_usd=None, transfers=[], advice=[], as_of=moment(now_ns))
    values = [_value_e8(one) for one in holdings.balances]
    return Inventory(
        is_kept=True,
        balances=[_balance(one) for one in holdings.balances],
        value_usd=None if None in values else usd(sum(value for value in values if value is not None)),
        transfers=[
            Transfer(
                transfer_id=one.transfer_id,
                source=one.proposal.source.value,
                destination=one.proposal.destination.value,
                asset=one.proposal.asset,
                received_asset=one.proposal.received_asset,
                amount=usd(one.proposal.amount_e8),
                fee=usd(one.proposal.fee_e8),
                departed_at=moment(one.departed_ns),
                arrives_at=moment(one.arrives_ns),
            )
            for one in holdings.transfers
        ],
        advice=[_advice(one, acknowledged) for one in holdings.recommended],
        as_of=moment(now_ns),
    )


def advice_id(one: Recommendation) -> str:
    """Return the identity of an advice: a hash of what it says, not of when."""
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(one, received_ns=0))).hexdigest()[:24]


def _balance(one: LiveBalance) -> Balance:
    drift = one.total_e8 - one.target_e8
    return Balance(
        venue=one.venue,
        asset=one.asset,
        total=usd(one.total_e8),
        reserved=usd(one.reserved_e8),
        free=usd(one.total_e8 - one.reserved_e8),
        target=usd(one.target_e8),
        low=usd(one.low_e8),
        drift=usd(drift),
        drift_percent=share_percent(drift, one.target_e8),
        arriving=usd(one.arriving_e8),
        is_low=one.is_low,
        price_usd=e8(one.price_usd_e8),
        value_usd=e8(_value_e8(one)),
    )


def _value_e8(one: LiveBalance) -> int | None:
    return None if one.price_usd_e8 is None else one.total_e8 * one.price_usd_e8 // E8


def _advice(one: Recommendation, acknowledged: Mapping[str, Acknowledgement]) -> Advice:
    return Advice(
        advice_id=advice_id(one),
        assets=list(one.assets),
        transfers=[
            AdviceTransfer(
                source=transfer.source.value,
                destination=transfer.destination.value,
                asset=transfer.asset,
                received_asset=transfer.received_asset,
                amount=usd(transfer.amount_e8),
                fee=usd(transfer.fee_e8),
                duration_ms=transfer.duration_ns // NANOS_PER_MILLISECOND,
                terms=transfer.terms,
            )
            for transfer in one.transfers
        ],
        fee=usd(one.fee_e8),
        uncovered=usd(one.uncovered_e8),
        duration_ms=one.duration_ns // NANOS_PER_MILLISECOND,
        cost_usd=e8(one.cost_usd_e8),
        cost_of_waiting_usd=e8(one.cost_of_waiting_usd_e8),
        acknowledged=acknowledged.get(advice_id(one)),
    )


def _state(view: WorkerView, feed: str, key: str, *, is_synced: bool) -> FeedState:
    if not view.is_up:
        return FeedState.LOST
    health = None if view.health is None else view.health.feeds.get(feed)
    known = None if health is None else health.books.get(key)
    if known is None or (known in HEALTHY and not is_synced):
        return FeedState.CONNECTING
    return known


def _age(received_ns: int | None, now_ns: int) -> int | None:
    return None if not received_ns else max(0, now_ns - received_ns) // NANOS_PER_MILLISECOND


def _unknown(key: str) -> Market:
    """A market of a worker whose settings are not ours: what its key says is all that is known."""
    venue, _, symbol = key.partition(":")
    return Market(key, venue, symbol, symbol, "", "", 8)
