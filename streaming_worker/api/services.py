"""Everything that the routes delegate to, made once and handed to each request."""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import Depends
from starlette.requests import HTTPConnection

from streaming_worker.adapters.clock import Clock
from streaming_worker.alerts import AlertHistory
from streaming_worker.alerts.database import FILE_NAME
from streaming_worker.api.alert_rules import RuleDesk
from streaming_worker.api.annotations import Desk as AnnotationDesk
from streaming_worker.api.answers import Answers
from streaming_worker.api.audit import Action, AuditLog
from streaming_worker.api.broadcasts import Broadcasts
from streaming_worker.api.dagster_link import DagsterLink
from streaming_worker.api.database import Database
from streaming_worker.api.identity.api_keys import ApiKeys
from streaming_worker.api.identity.principal import Principal
from streaming_worker.api.identity.sessions import Sessions
from streaming_worker.api.identity.throttle import LoginThrottle
from streaming_worker.api.identity.tokens import TokenSigner
from streaming_worker.api.identity.users import Users
from streaming_worker.api.limiting import Limiter
from streaming_worker.api.metrics import ApiMetrics
from streaming_worker.api.moments import Moments
from streaming_worker.api.reading.markets import Markets
from streaming_worker.api.record_desk import RecordDesk
from streaming_worker.api.report_room import ReportRoom
from streaming_worker.api.rule_watch import RuleWatch
from streaming_worker.api.security import Doorman
from streaming_worker.api.stream import Broadcaster
from streaming_worker.api.worker_link import WorkerLink, WorkerView
from streaming_worker.config import Config

PRODUCT: Final = "arb-platform"
RELEASE: Final = version(PRODUCT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts of one application."""

    config: Config
    clock: Clock
    database: Database
    users: Users
    sessions: Sessions
    keys: ApiKeys
    throttle: LoginThrottle
    signer: TokenSigner
    doorman: Doorman
    audit: AuditLog
    limiter: Limiter
    metrics: ApiMetrics
    link: WorkerLink
    pipeline: DagsterLink
    desk: RecordDesk
    moments: Moments
    report_room: ReportRoom
    markets: Markets
    broadcaster: Broadcaster
    broadcasts: Broadcasts
    answers: Answers
    rules: RuleDesk
    rule_watch: RuleWatch

    @property
    def view(self) -> WorkerView:
        """The worker as last heard of."""
        return self.link.view

    def forget(self) -> None:
        """Something was revoked or changed: check everybody anew, open streams included."""
        self.doorman.forget()
        self.answers.forget()

    @property
    def annotations(self) -> AnnotationDesk:
        """What people said about trades."""
        return AnnotationDesk(self.database)

    @property
    def alert_history(self) -> AlertHistory:
        """What was raised by any program of the platform."""
        return AlertHistory(self.config.paths.state / FILE_NAME)

    @property
    def reports(self) -> Path:
        """Where the daily reports stand."""
        return self.config.paths.reports


async def _services(connection: HTTPConnection) -> Services:
    """In the loop: the framework gives each plain callable a thread."""
    found = connection.app.state.services
    assert isinstance(found, Services)
    return found


Parts = Annotated[Services, Depends(_services)]


def act(connection: HTTPConnection, who: Principal, action: str, **more: Any) -> Action:
    """Return an action for the audit log: who asks, from where, under which request id."""
    state = connection.scope["state"]
    return Action(
        actor=who.actor,
        actor_kind=who.kind,
        action=action,
        ip=state["caller"].ip,
        request_id=state["request_id"],
        **more,
    )
