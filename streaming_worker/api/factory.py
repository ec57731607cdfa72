"""Build the application: parts joined, routes added, every route with its rule."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from streaming_worker.adapters.clock import Clock
from streaming_worker.adapters.tracing import Tracing
from streaming_worker.alerts import AlertHistory, open_desk
from streaming_worker.alerts.database import FILE_NAME
from streaming_worker.api import openapi, problems
from streaming_worker.api.alert_rules import RuleDesk
from streaming_worker.api.answers import Answers
from streaming_worker.api.audit import AuditLog
from streaming_worker.api.broadcasts import Broadcasts
from streaming_worker.api.callers import networks
from streaming_worker.api.console_files import ConsoleFiles
from streaming_worker.api.dagster_link import DagsterLink
from streaming_worker.api.database import Database, database_url
from streaming_worker.api.edge import API, Edge
from streaming_worker.api.identity.api_keys import ApiKeys
from streaming_worker.api.identity.passwords import Passwords
from streaming_worker.api.identity.sessions import Sessions
from streaming_worker.api.identity.throttle import LoginThrottle
from streaming_worker.api.identity.tokens import TokenSigner
from streaming_worker.api.identity.users import Users
from streaming_worker.api.limiting import Limiter
from streaming_worker.api.metrics import ApiMetrics
from streaming_worker.api.moments import Moments
from streaming_worker.api.reading.markets import Markets
from streaming_worker.api.reading.status import Sight
from streaming_worker.api.record_desk import RecordDesk
from streaming_worker.api.report_room import Mailing, ReportRoom
from streaming_worker.api.routes import (
    alert_rules,
    analytics,
    annotations,
    audit,
    auth,
    controls,
    exports,
    inventory,
    logs,
    machine,
    market,
    metrics,
    people,
    reports,
    risk,
    settings,
    status,
    stream,
    trading,
    visits,
)
from streaming_worker.api.rule_watch import RuleWatch
from streaming_worker.api.security import Doorman, require_rules
from streaming_worker.api.services import RELEASE, Services
from streaming_worker.api.stream import Broadcaster, CloseCode
from streaming_worker.api.tracing import TracedRequests
from streaming_worker.api.worker_link import WorkerLink
from streaming_worker.config import Config

_ROUTES: Final = (
    status, auth, people, market, annotations, trading, analytics, inventory, risk, controls, reports, settings, audit,
    exports, logs, machine, metrics, stream, visits, alert_rules,
)  # fmt: skip


def build_services(
    config: Config, clock: Clock, *, passwords: Passwords | None = None, mailing: Mailing | None = None
) -> Services:
    """Make every part. Opens the database. Raises StorageError, ConfigError."""
    database = Database(database_url(config.api.database_url, config.paths.state))
    sessions, keys = Sessions(database, clock), ApiKeys(database, clock)
    signer, limiter, counters = TokenSigner(database, clock), Limiter(config.api, clock), ApiMetrics()
    broadcaster = Broadcaster(counters)
    markets, desk = Markets(config.engine), RecordDesk(config.paths.data_dir, clock, counters)
    link = WorkerLink(f"http://{config.gateway.host}:{config.gateway.port}", clock, lambda _: None)
    sight = Sight(view=link.view, markets=markets, desk=desk, profile=config.profile, release=RELEASE)
    broadcasts = Broadcasts(broadcaster, sight, clock, config.paths.logs, AlertHistory(config.paths.state / FILE_NAME))
    link.on_change = broadcasts.on_change
    rules = RuleDesk(database)
    return Services(
        config=config,
        clock=clock,
        database=database,
        users=Users(database, passwords or Passwords(), clock),
        sessions=sessions,
        keys=keys,
        throttle=LoginThrottle(database, clock),
        signer=signer,
        doorman=Doorman(sessions=sessions, keys=keys, signer=signer, limiter=limiter, clock=clock),
        audit=AuditLog(database, clock),
        limiter=limiter,
        metrics=counters,
        link=link,
        pipeline=DagsterLink(config.dagster.host, config.dagster.port, clock),
        desk=desk,
        moments=Moments(config.paths.data_dir, clock),
        report_room=ReportRoom(database, clock, mailing),
        markets=markets,
        broadcaster=broadcaster,
        broadcasts=broadcasts,
        answers=Answers(clock),
        rules=rules,
        rule_watch=RuleWatch(rules, link.view, clock, lambda: open_desk(config, now=clock.now_ns)),
    )


def create_app(services: Services, *, console_dir: Path | None = None) -> FastAPI:
    """Return the application over its parts, which are closed with it; ``console_dir`` holds the built console."""
    api = services.config.api
    app = FastAPI(
        title="arb-platform",
        version=RELEASE,
        description=openapi.DESCRIPTION,
        lifespan=_lifespan,
        openapi_url=f"{API}/openapi.json" if api.docs else None,
        docs_url="/docs" if api.docs else None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    for module in _ROUTES:
        # Taken over as they are: a router that is included hides its routes, and their rules, behind one of its own.
        app.router.routes.extend(module.router.routes)
    require_rules(app)
    openapi.complete(app)
    problems.add_handlers(app)
    # Not a route: what is no route of ours is a page.
    app.router.default = ConsoleFiles(console_dir or api.console_dir)
    if api.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(api.allowed_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["authorization", "content-type"],
            max_age=600,
        )
    trusted = networks(api.trusted_proxies)
    app.add_middleware(Edge, limiter=services.limiter, metrics=services.metrics, clock=services.clock, trusted=trusted)
    app.state.tracing = Tracing(services.config.tracing.endpoint, "api")
    if app.state.tracing.is_on:
        app.add_middleware(TracedRequests, tracer=app.state.tracing.tracer("api"))
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Follow the worker while the application runs; at the end let viewers go and close everything."""
    services: Services = app.state.services
    async with asyncio.TaskGroup() as group:
        work = (services.link.run(), services.broadcasts.keep_status(), services.rule_watch.run())
        tasks = [group.create_task(one) for one in work]
        try:
            yield
        finally:
            services.broadcaster.cut_all(CloseCode.GOING_AWAY)
            for task in tasks:
                task.cancel()
    await services.answers.close()
    await services.link.close()
    await asyncio.to_thread(app.state.tracing.close)
    await services.limiter.close()
    await asyncio.to_thread(services.moments.close)
    await asyncio.to_thread(services.desk.close)
    await asyncio.to_thread(services.database.close)
