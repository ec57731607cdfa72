"""The API's state in a real PostgreSQL: tables, logins, keys and the audit chain are as they are in SQLite."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from arb_pipeline_tests.fixtures.api import PASSWORD, Api, make_api
from arb_pipeline_tests.fixtures.postgres import PostgresServer, open_postgres
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.api.audit import Action, AuditLog
from streaming_worker.api.database import METADATA, Database
from streaming_worker.api.identity.roles import Role, Scope


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with open_postgres() as server:
        yield server


@pytest.fixture
def url(server: PostgresServer) -> str:
    """Return an address of a server whose database is empty."""
    engine = create_engine(server.url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return server.url


@pytest.fixture
def api(tmp_path: Path, url: str) -> Iterator[Api]:
    made = make_api(tmp_path / "data", ARB_API_DATABASE_URL=url)
    yield made
    made.close()


def an_action(number: int) -> Action:
    return Action(actor=f"user-{number}", actor_kind="session", action="control.pause", reason="a test")


def test_the_tables_are_made_once_and_are_those_of_the_code(url: str) -> None:
    for _ in range(2):
        Database(url).close()
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    found = inspect(engine)
    for table in METADATA.tables.values():
        assert {column["name"] for column in found.get_columns(table.name)} == set(table.c.keys()), table.name
    engine.dispose()


async def test_logins_sessions_and_keys_are_kept(api: Api, tmp_path: Path) -> None:
    assert not (tmp_path / "data" / "state" / "app.db").exists()
    first = (await api.login("operator", mode="bearer")).json()["tokens"]
    assert (await api.login("operator", "wrong " + PASSWORD)).status_code == 401
    async with api.client() as client:
        second = await client.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]})
        assert second.status_code == 200, second.text
        api.clock.advance(60)
        reused = await client.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]})
        assert reused.status_code == 401
        token = second.json()["tokens"]["access_token"]
        answer = await client.get("/api/v1/auth/me", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 401, "a token that was used twice ends the session"
    _, key = api.key(Role.VIEWER, Scope.READ)
    async with api.client(token=key) as program:
        assert (await program.get("/api/v1/auth/me")).status_code == 200
    async with api.client(token=api.token(Role.ADMIN)) as admin:
        verdict = (await admin.get("/api/v1/audit/verify")).json()
    assert verdict["is_whole"]
    assert verdict["entries"] >= 3


def test_many_writers_make_one_chain(url: str) -> None:
    databases = [Database(url), Database(url)]
    logs = [AuditLog(database, AnchoredClock()) for database in databases]
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda number: logs[number % 2].append(an_action(number)), range(120)))
    verdict = logs[0].verify()
    for database in databases:
        database.close()
    assert sorted(numbers) == list(range(1, 121))
    assert (verdict.is_whole, verdict.entries) == (True, 120)


def test_the_audit_log_takes_no_change_and_shows_a_forced_one(url: str) -> None:
    database = Database(url)
    log = AuditLog(database, AnchoredClock())
    for number in range(3):
        log.append(an_action(number))
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    for change in ("UPDATE audit SET actor = 'me'", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(text(change))
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit DISABLE TRIGGER ALL"))
        connection.execute(text("UPDATE audit SET actor = 'me' WHERE seq = 2"))
    engine.dispose()
    verdict = log.verify()
    database.close()
    assert (verdict.is_whole, verdict.broken_at, verdict.problem) == (False, 2, "its content was changed")


async def test_a_server_that_is_gone_is_said_and_used_again_when_it_is_back(api: Api, server: PostgresServer) -> None:
    async with api.client() as client:
        assert (await client.get("/api/v1/health/ready")).status_code == 200
        server.stop()
        gone = await client.get("/api/v1/health/ready")
        server.start()
        back = await client.get("/api/v1/health/ready")
    assert gone.status_code == 503
    assert gone.json()["parts"][0]["detail"] == "the database does not answer"
    assert back.status_code == 200
