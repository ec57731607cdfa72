"""What goes out on each topic and when: straight after a line of the worker, and once a second for the slow ones."""

from collections.abc import Sequence

from pydantic import BaseModel

from streaming_worker.adapters.clock import Clock
from streaming_worker.api.reading import now, recent
from streaming_worker.api.reading.markets import Markets
from streaming_worker.api.reading.risk import risk_brief
from streaming_worker.api.reading.status import Sight, status
from streaming_worker.api.schemas.market import BookTop
from streaming_worker.api.stream import Broadcaster, Kind, Topic, items
from streaming_worker.api.worker_link import WorkerView
from streaming_worker.core.outputs import EpisodeGrade, Opportunity, OpportunityOpened, SimulatedTrade
from streaming_worker.service.live import LiveOutput

STATUS_S = 1.0
_NOTHING = b"null"


class Broadcasts:
    """Turns changes of the view into messages; remembers only what was sent last."""

    def __init__(self, broadcaster: Broadcaster, sight: Sight, clock: Clock) -> None:
        self._out = broadcaster
        self._sight = sight
        self._clock = clock
        self._status = _NOTHING
        self._sent: dict[Topic, dict[str, object]] = {topic: {} for topic in Topic}
        self._run_id: str | None = None
        self._is_up = False
        self._seq = 0
        self._second = 0
        for topic, make in (
            (Topic.STATUS, lambda: self._status),
            (Topic.RISK, self._risk),
            (Topic.FEEDS, self._feeds),
            (Topic.BOOKS, self._books),
            (Topic.OPPORTUNITIES, self._opportunities),
            (Topic.TRADES, lambda: items(_rows(recent.trades(self._view, self._markets)))),
            (Topic.REJECTIONS, lambda: items(_rows(recent.rejections(self._view, self._markets)))),
            (Topic.INVENTORY, self._inventory),
            (Topic.ALERTS, lambda: items(_rows(recent.alerts(self._view)))),
        ):
            broadcaster.set_snapshot(topic, make)

    @property
    def _view(self) -> WorkerView:
        return self._sight.view

    @property
    def _markets(self) -> Markets:
        return self._sight.markets

    async def keep_status(self) -> None:
        """Make the status once a second, for the stream and for whoever asks, until cancelled."""
        while True:
            made = await status(self._sight, self._clock.now_ns())
            self._status = _json(made)
            if self._out.is_wanted(Topic.STATUS):
                self._out.publish(Topic.STATUS, self._status)
            await self._clock.sleep(STATUS_S)

    async def current(self, now_ns: int) -> bytes:
        """Return the newest status as JSON; made now where the first is still to come."""
        if self._status == _NOTHING:
            self._status = _json(await status(self._sight, now_ns))
        return self._status

    def on_change(self, fresh: Sequence[LiveOutput]) -> None:
        """Follow the worker: called after each of its lines, and when it comes or goes."""
        view = self._view
        if (view.run_id, view.is_up) != (self._run_id, self._is_up):
            self._run_id, self._is_up = view.run_id, view.is_up
            self._sent = {topic: {} for topic in Topic}
            self._out.start_over("the worker was started anew" if view.is_up else view.detail)
        if not self._out.viewer_count:
            return
        self._changed_rows(Topic.BOOKS, [(one.id, (one.updates, one.state), one) for one in self._book_tops()])
        self._changed_rows(Topic.RISK, [("", view.risk, None)])
        self._events(fresh)
        second = self._clock.now_ns() // 1_000_000_000
        if second != self._second:
            self._second = second
            self._slow()

    def _slow(self) -> None:
        if self._out.is_wanted(Topic.FEEDS):
            self._out.publish(Topic.FEEDS, self._feeds())
        if self._out.is_wanted(Topic.INVENTORY):
            self._changed_rows(Topic.INVENTORY, [("", self._view.holdings, None)])

    def _book_tops(self) -> list[BookTop]:
        if not self._out.is_wanted(Topic.BOOKS):
            return []
        return now.books(self._view, self._markets, self._clock.now_ns())

    def _changed_rows(self, topic: Topic, rows: Sequence[tuple[str, object, BaseModel | None]]) -> None:
        """Send what differs from what was sent; a topic of one object is sent whole."""
        if not self._out.is_wanted(topic):
            return
        sent = self._sent[topic]
        changed = [(row_id, mark, row) for row_id, mark, row in rows if row_id not in sent or sent[row_id] != mark]
        if not changed:
            return
        sent.update({row_id: mark for row_id, mark, _ in changed})
        parts = [_json(row) for _, _, row in changed if row is not None]
        whole = {Topic.RISK: self._risk, Topic.INVENTORY: self._inventory}.get(topic)
        self._out.publish(topic, items(parts) if whole is None else whole())

    def _events(self, fresh: Sequence[LiveOutput]) -> None:
        view, markets = self._view, self._markets
        ids = _opportunities_of(fresh)
        open_rows = [
            (one.id, (one.updates, one.peak_net_usd), one)
            for one in (
                recent.open_opportunities(view, markets, self._clock.now_ns())
                if self._out.is_wanted(Topic.OPPORTUNITIES)
                else []
            )
        ]
        self._changed_rows(Topic.OPPORTUNITIES, open_rows)
        if not fresh:
            return
        if ids:
            self._send(Topic.OPPORTUNITIES, recent.opportunities(view, markets, ids))
            for one in ids:
                self._sent[Topic.OPPORTUNITIES].pop(one, None)
        trades = {one.output.trade_id for one in fresh if isinstance(one.output, SimulatedTrade)}
        if trades:
            self._send(Topic.TRADES, recent.trades(view, markets, trades))
        before = min(one.seq for one in fresh) - 1
        self._send(Topic.REJECTIONS, recent.rejections(view, markets, before))
        self._send(Topic.ALERTS, recent.alerts(view, before))

    def _send(self, topic: Topic, rows: Sequence[BaseModel]) -> None:
        if rows and self._out.is_wanted(topic):
            self._out.publish(topic, items(_rows(rows)), Kind.DELTA)

    def _feeds(self) -> bytes:
        return items(_rows(now.feeds(self._view, self._markets)))

    def _books(self) -> bytes:
        return items(_rows(now.books(self._view, self._markets, self._clock.now_ns())))

    def _risk(self) -> bytes:
        return _json(risk_brief(self._view, self._clock.now_ns()))

    def _inventory(self) -> bytes:
        return _json(now.inventory(self._view, {}, self._clock.now_ns()))

    def _opportunities(self) -> bytes:
        view, markets = self._view, self._markets
        rows = recent.open_opportunities(view, markets, self._clock.now_ns())
        return items(_rows([*rows, *recent.opportunities(view, markets)]))


def _opportunities_of(fresh: Sequence[LiveOutput]) -> set[str]:
    kinds = (Opportunity, OpportunityOpened, EpisodeGrade, SimulatedTrade)
    return {one.output.opportunity_id for one in fresh if isinstance(one.output, kinds)}


def _rows(rows: Sequence[BaseModel]) -> list[bytes]:
    return [_json(row) for row in rows]


def _json(shape: BaseModel | None) -> bytes:
    return _NOTHING if shape is None else shape.__pydantic_serializer__.to_json(shape)
