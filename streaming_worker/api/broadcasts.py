"""What goes out on each topic and when: straight after a line of the worker, and once a second for the slow ones."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from pydantic import BaseModel

from streaming_worker.adapters.clock import Clock
from streaming_worker.alerts import AlertHistory
from streaming_worker.api.log_tail import Level, newest
from streaming_worker.api.reading import now, recent
from streaming_worker.api.reading.alerts import alert
from streaming_worker.api.reading.markets import Markets
from streaming_worker.api.reading.risk import risk_brief
from streaming_worker.api.reading.status import Sight, status
from streaming_worker.api.schemas.system import LogLine
from streaming_worker.api.stream import Broadcaster, Kind, Topic, items
from streaming_worker.api.worker_link import WorkerView
from streaming_worker.core.outputs import EpisodeGrade, Opportunity, OpportunityOpened, SimulatedTrade
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.service.live import LiveOutput

STATUS_S = 1.0
_NOTHING = b"null"
_Marked = tuple[str, object, BaseModel | None]


class Broadcasts:
    """Turns changes of the view into messages; remembers only what was sent last."""

    def __init__(
        self, broadcaster: Broadcaster, sight: Sight, clock: Clock, log_folder: Path, history: AlertHistory
    ) -> None:
        self._out = broadcaster
        self._sight = sight
        self._clock = clock
        self._log_folder = log_folder
        self._history = history
        self._alerts: list[bytes] = []
        self._logs: list[LogLine] = []
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
            (Topic.ALERTS, self._all_alerts),
            (Topic.LOGS, self._all_logs),
        ):
            seeded = topic in (Topic.RISK, Topic.BOOKS, Topic.OPPORTUNITIES, Topic.INVENTORY)
            broadcaster.set_snapshot(topic, partial(self._seeded, topic, make) if seeded else make)

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
            if self._out.is_wanted(Topic.LOGS):
                await self._follow_logs()
            if self._out.is_wanted(Topic.ALERTS):
                await self._follow_alerts()
            await self._clock.sleep(STATUS_S)

    async def _follow_logs(self) -> None:
        """Send the lines that were not there a second ago."""
        known = set(_rows(self._logs))
        self._logs = await asyncio.to_thread(self._newest_logs)
        self._send_rows(Topic.LOGS, [row for row in _rows(self._logs) if row not in known])

    async def _follow_alerts(self) -> None:
        """Send the alerts that were raised, seen again or resolved in the last second."""
        known = set(self._alerts)
        self._alerts = await asyncio.to_thread(self._newest_alerts)
        self._send_rows(Topic.ALERTS, [row for row in self._alerts if row not in known])

    def _newest_logs(self) -> list[LogLine]:
        return newest(self._log_folder, level=Level.INFO, program=None, limit=recent.MOST)

    def _newest_alerts(self) -> list[bytes]:
        return _rows([alert(row) for row in self._history.recent(limit=recent.MOST)])

    def _all_logs(self) -> bytes:
        """The newest lines; read here, for few follow them and it takes milliseconds."""
        self._logs = self._logs or self._newest_logs()
        return items(_rows(self._logs))

    def _all_alerts(self) -> bytes:
        """The newest alerts, as with the lines."""
        self._alerts = self._alerts or self._newest_alerts()
        return items(self._alerts)

    def _send_rows(self, topic: Topic, rows: Sequence[bytes]) -> None:
        if rows:
            self._out.publish(topic, items(rows))

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
        for topic in (Topic.BOOKS, Topic.RISK, Topic.OPPORTUNITIES):
            self._send_changed(topic)
        self._events(fresh)
        second = self._clock.now_ns() // NANOS_PER_SECOND
        if second != self._second:
            self._second = second
            self._send_changed(Topic.INVENTORY)
            if self._out.is_wanted(Topic.FEEDS):
                self._out.publish(Topic.FEEDS, self._feeds())

    def _rows_of(self, topic: Topic) -> list[_Marked]:
        """The rows of a topic with what tells whether each has changed; a topic of one object has one without a row."""
        view, markets = self._view, self._markets
        match topic:
            case Topic.BOOKS:
                tops = now.books(view, markets, self._clock.now_ns())
                return [(one.id, (one.updates, one.state), one) for one in tops]
            case Topic.OPPORTUNITIES:
                shown = recent.open_opportunities(view, markets, self._clock.now_ns())
                return [(one.id, (one.updates, one.peak_net_usd), one) for one in shown]
            case Topic.RISK:
                return [("", (view.risk, len(view.recent("limit_changes"))), None)]
            case _:
                return [("", view.holdings, None)]

    def _send_changed(self, topic: Topic) -> None:
        """Send what differs from what was sent; a topic of one object is sent whole."""
        if not self._out.is_wanted(topic):
            return
        sent = self._sent[topic]
        changed = [one for one in self._rows_of(topic) if one[0] not in sent or sent[one[0]] != one[1]]
        if not changed:
            return
        sent.update({row_id: mark for row_id, mark, _ in changed})
        parts = [_json(row) for _, _, row in changed if row is not None]
        whole = {Topic.RISK: self._risk, Topic.INVENTORY: self._inventory}.get(topic)
        self._out.publish(topic, items(parts) if whole is None else whole())

    def _seeded(self, topic: Topic, make: Callable[[], bytes]) -> bytes:
        """A snapshot holds the newest of everything: nothing of it is sent again as a change."""
        self._sent[topic] = {row_id: mark for row_id, mark, _ in self._rows_of(topic)}
        return make()

    def _events(self, fresh: Sequence[LiveOutput]) -> None:
        if not fresh:
            return
        view, markets = self._view, self._markets
        ids = _opportunities_of(fresh)
        if ids:
            self._send(Topic.OPPORTUNITIES, recent.opportunities(view, markets, ids))
            for one in ids - {episode.opportunity_id for episode in view.episodes}:
                self._sent[Topic.OPPORTUNITIES].pop(one, None)
        trades = {one.output.trade_id for one in fresh if isinstance(one.output, SimulatedTrade)}
        if trades:
            self._send(Topic.TRADES, recent.trades(view, markets, trades))
        before = min(one.seq for one in fresh) - 1
        self._send(Topic.REJECTIONS, recent.rejections(view, markets, before))

    def _send(self, topic: Topic, rows: Sequence[BaseModel]) -> None:
        if rows and self._out.is_wanted(topic):
            self._out.publish(topic, items(_rows(rows)), Kind.DELTA)

    def _feeds(self) -> bytes:
        return items(_rows(now.feeds(self._view, self._markets)))

    def _books(self) -> bytes:
        return items(_rows(now.books(self._view, self._markets, self._clock.now_ns())))

    def _risk(self) -> bytes:
        return _json(risk_brief(self._view, self._markets, self._clock.now_ns()))

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
