"""Who may do what, over every route and topic that there is: found from the application, so that none is forgotten."""

import inspect
from collections.abc import Iterator

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute

from arb_pipeline_tests.fixtures.api import Api
from streaming_worker.api.factory import create_app
from streaming_worker.api.identity.principal import ALL_SCOPES, Principal
from streaming_worker.api.identity.roles import Role, Scope
from streaming_worker.api.routes import status
from streaming_worker.api.security import Rule, rule_of
from streaming_worker.api.stream import ROLE_OF_TOPIC, Topic, Viewer
from streaming_worker.errors import ConfigError

# Refusals that say something else than "your role may not".
OWN_REASONS = {"observe_only", "bad_login"}
OPEN = {
    "/api/v1/auth/login",
    "/api/v1/auth/refresh",
    "/api/v1/health/live",
    "/api/v1/health/ready",
}
OPERATORS = {
    "/api/v1/controls/pause",
    "/api/v1/controls/resume",
    "/api/v1/controls/kill",
    "/api/v1/controls/limits",
    "/api/v1/controls/halt",
    "/api/v1/controls/release",
    "/api/v1/controls/proposals/{proposal_id}/approve",
    "/api/v1/controls/proposals/{proposal_id}/reject",
    "/api/v1/controls/live-trading",
    "/api/v1/inventory/advice/{advice_id}/ack",
    "/api/v1/trades/{trade_id}/tags",
    "/api/v1/trades/{trade_id}/tags/{tag}",
    "/api/v1/trades/{trade_id}/notes",
    "/api/v1/trades/{trade_id}/notes/{note_id}",
    "/api/v1/alerts/rules/{rule_id}",
    "/api/v1/reports/send",
    "/api/v1/logs",
    "/api/v1/diagnostics",
}
ADMINS = {
    "/api/v1/users",
    "/api/v1/users/{user_id}",
    "/api/v1/audit",
    "/api/v1/audit/verify",
    "/api/v1/exports/audit.{form}",
    "/api/v1/settings/alert-channels/{name}/test",
    "/api/v1/settings/fees/remove",
}
# Everybody reads there what only some change.
OPERATORS_METHODS = {("POST", "/api/v1/alerts/rules")}
ADMINS_METHODS = {("POST", "/api/v1/settings/fees")}


def routes(api: Api) -> list[tuple[str, APIRoute, Rule]]:
    """Return every method of every route with its rule."""
    found = []
    for route in api.app.routes:
        if isinstance(route, APIRoute):
            rule = rule_of(route)
            assert rule is not None, route.path
            found += [(method, route, rule) for method in sorted(route.methods)]
    return found


def address(route: APIRoute) -> str:
    """Return an address that fits the route, of things that are not there."""
    path = route.path
    for name in (
        "{opportunity_id}",
        "{trade_id}",
        "{session_id}",
        "{user_id}",
        "{key_id}",
        "{proposal_id}",
        "{note_id}",
        "{tag}",
        "{rule_id}",
    ):
        path = path.replace(name, "aa00")
    fillers = {
        "{advice_id}": "a" * 24,
        "{report}": "2026-01-31",
        "{name}": "email",
        "{key}": "gemini:NONE",
        "{form}": "csv",
    }
    for name, value in fillers.items():
        path = path.replace(name, value)
    assert "{" not in path, path
    return path


def test_the_application_has_the_routes_that_this_file_speaks_of(api: Api) -> None:
    paths = {route.path for _, route, _ in routes(api)}
    assert len(paths) > 55
    assert paths >= OPEN | OPERATORS | ADMINS


def test_a_route_needs_exactly_the_role_that_it_is_meant_for(api: Api) -> None:
    for method, route, rule in routes(api):
        if route.path in OPEN:
            expected = None
        elif route.path in OPERATORS or (method, route.path) in OPERATORS_METHODS:
            expected = Role.OPERATOR
        else:
            is_admins = route.path in ADMINS or (method, route.path) in ADMINS_METHODS
            expected = Role.ADMIN if is_admins else Role.VIEWER
        assert rule.role is expected, f"{method} {route.path}"


def forgotten() -> dict[str, int]:
    """Stand for a route whose author forgot the rule."""
    return {}


def test_a_route_without_a_rule_does_not_start(api: Api) -> None:
    route = APIRoute("/api/v1/forgotten", forgotten, methods=["GET"])
    status.router.routes.append(route)
    try:
        with pytest.raises(ConfigError, match="/api/v1/forgotten names no rule"):
            create_app(api.services)
    finally:
        status.router.routes.remove(route)


def test_the_stream_is_the_only_route_that_asks_for_itself(api: Api) -> None:
    sockets = [route.path for route in api.app.routes if isinstance(route, APIWebSocketRoute)]
    assert sockets == ["/api/v1/stream"]


async def test_nobody_gets_in_and_is_told_in_the_one_shape(api: Api) -> None:
    async with api.client(ip="192.0.2.7") as client:
        for method, route, rule in routes(api):
            answer = await client.request(method, address(route))
            if rule.role is None:
                assert answer.status_code not in (401, 403) or route.path == "/api/v1/auth/refresh", route.path
                continue
            assert answer.status_code == 401, f"{method} {route.path}"
            assert answer.headers["www-authenticate"] == "Bearer"
            error = answer.json()["error"]
            assert (error["code"], error["request_id"]) == ("not_authenticated", answer.headers["x-request-id"])
            assert set(error) == {"code", "message", "request_id"}


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_may_what_its_rule_says_and_nothing_else(api: Api, role: Role) -> None:
    allowed = refused = 0
    for method, route, rule in routes(api):
        if rule.role is None:
            continue
        # A token each: some of these calls end the login that makes them.
        async with api.client(token=api.token(role)) as client:
            answer = await client.request(method, address(route))
        where = f"{method} {route.path} as {role.value}: {answer.status_code}"
        assert answer.status_code < 500 or answer.json()["error"]["code"] == "worker_down", where
        if role.includes(rule.role):
            allowed += 1
            assert answer.status_code != 401, where
            if answer.status_code == 403:
                assert answer.json()["error"]["code"] in OWN_REASONS | {"forbidden"}, where
                assert answer.json()["error"]["message"] != f"this needs role {rule.role.value}", where
        else:
            refused += 1
            assert answer.status_code == 403, where
            error = answer.json()["error"]
            assert (error["code"], error["message"]) == ("forbidden", f"this needs role {rule.role.value}")
    assert allowed > 40
    assert (refused > 0) is (role is not Role.ADMIN)


@pytest.mark.parametrize("scope", list(Scope))
async def test_a_key_may_what_its_scope_says_even_an_admins(api: Api, scope: Scope) -> None:
    _, value = api.key(Role.ADMIN, scope)
    async with api.client(token=value) as client:
        for method, route, rule in routes(api):
            if rule.role is None:
                continue
            answer = await client.request(method, address(route))
            where = f"{method} {route.path} with {scope.value}: {answer.status_code}"
            if rule.scope is scope:
                assert answer.status_code != 401, where
                if answer.status_code == 403:
                    assert f"scope {rule.scope.value}" not in answer.json()["error"]["message"], where
            else:
                assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden"), where


async def test_a_key_never_has_more_than_its_owners_role(api: Api) -> None:
    _, value = api.key(Role.VIEWER, *Scope)
    async with api.client(token=value) as client:
        pause = await client.post("/api/v1/controls/pause", json={"reason": "not mine"})
        audit = await client.get("/api/v1/audit")
    assert (pause.status_code, audit.status_code) == (403, 403)


@pytest.mark.parametrize("role", list(Role))
def test_each_topic_is_followed_by_who_may_and_by_nobody_else(api: Api, role: Role) -> None:
    assert set(ROLE_OF_TOPIC) == set(Topic)
    assert [topic for topic in Topic if ROLE_OF_TOPIC[topic] is not Role.VIEWER] == [Topic.LOGS]
    who = Principal(kind="session", user_id="u", username="u", role=role, scopes=ALL_SCOPES, session_id="s")
    viewer = Viewer(principal=who, ip="127.0.0.1")
    refused = api.services.broadcaster.subscribe(viewer, Topic)
    assert refused == [topic for topic in Topic if not role.includes(ROLE_OF_TOPIC[topic])]
    assert len(viewer.waiting) == len(Topic) - len(refused)


async def test_metrics_are_open_to_this_machine_and_to_nobody_behind_a_proxy(api: Api) -> None:
    async with api.client() as here, api.client(ip="192.0.2.7") as elsewhere:
        local = await here.get("/metrics")
        proxied = await here.get("/metrics", headers={"x-forwarded-for": "127.0.0.1"})
        remote = await elsewhere.get("/metrics")
    assert (local.status_code, proxied.status_code, remote.status_code) == (200, 401, 401)
    assert b"http_requests_total" in local.content


def every_dependant(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from every_dependant(inner)


def is_in_the_loop(call: object) -> bool:
    whole = inspect.unwrap(call) if inspect.isroutine(call) else getattr(call, "__call__")  # noqa: B004, B009
    return inspect.iscoroutinefunction(whole)


def test_no_route_needs_a_thread_for_what_it_asks(api: Api) -> None:
    """A hop into a thread costs more than most answers; the framework makes one for each plain callable."""
    plain = [
        (route.path, dependant.call)
        for route in api.app.routes
        if isinstance(route, APIRoute)
        for dependant in every_dependant(route.dependant)
        if dependant is not route.dependant and not is_in_the_loop(dependant.call)
    ]
    assert plain == []
