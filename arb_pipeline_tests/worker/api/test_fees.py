"""Administrators keep the fee schedule: what holds when, who changed it and why, and what the worker does not know."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from arb_pipeline_tests.fixtures.api import NOW_NS, Api
from streaming_worker.api.identity.roles import Role
from streaming_worker.config import load_config

TODAY = datetime.fromtimestamp(NOW_NS // 10**9, UTC).date()
LATER = (TODAY + timedelta(days=7)).isoformat()


def line(**changes: Any) -> dict[str, Any]:
    return {"venue": "gemini", "taker_percent": "0.35", "valid_from": LATER, "reason": "the tier of May"} | changes


async def posted(api: Api, path: str, body: dict[str, Any], role: Role = Role.ADMIN) -> httpx.Response:
    async with api.client(token=api.token(role)) as client:
        return await client.post(f"/api/v1/settings/{path}", json=body)


def of_gemini(answer: httpx.Response) -> list[tuple[str | None, str, str, str | None, bool, bool]]:
    assert answer.status_code == 200, answer.text
    names = ("symbol", "taker_percent", "valid_from_at", "valid_to_at", "is_in_force", "is_added")
    return [tuple(one[name] for name in names) for one in answer.json()["taker_fees"] if one["venue"] == "gemini"]


async def test_a_line_is_added_replaced_and_taken_away(api: Api) -> None:
    start = f"{LATER}T00:00:00.000000Z"
    begin = "1970-01-01T00:00:00.000000Z"
    added = await posted(api, "fees", line())
    assert of_gemini(added) == [(None, "0.25", begin, start, True, False), (None, "0.35", start, None, False, True)]
    assert (added.json()["is_waiting"], added.json()["changed_at"] is not None) == (True, True)
    replaced = await posted(api, "fees", line(taker_percent="0.3"))
    assert of_gemini(replaced)[1][1] == "0.3"
    environ = {"ARB_PROFILE": "demo", "ARB_DATA_DIR": str(api.services.config.paths.data_dir)}
    assert 3_000 in [one.millionths for one in load_config(None, environ).engine.taker_fees]
    which = {name: value for name, value in line().items() if name != "taker_percent"}
    assert of_gemini(await posted(api, "fees/remove", which)) == [(None, "0.25", begin, None, True, False)]
    assert (await posted(api, "fees/remove", which)).status_code == 404
    with api.services.database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT action, actor, reason, after, before FROM audit ORDER BY seq").all()
    kept = [(row[0], row[1], row[2]) for row in rows if row[0].startswith("fees.")]
    assert kept == [(f"fees.{verb}", "admin", "the tier of May") for verb in ("add", "add", "remove")]
    assert json.loads(rows[0][3])["taker_percent"] == "0.35"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"valid_from": (TODAY - timedelta(days=1)).isoformat()}, "in_the_past"),
        ({"valid_from": "2099-02-30"}, "bad_day"),
        ({"symbol": "SOL-EUR"}, "bad_market"),
        ({"venue": "bitstamp"}, "bad_market"),
        ({"taker_percent": "10.01"}, "invalid"),
        ({"taker_percent": "-0.1"}, "invalid"),
        ({"reason": "x"}, "invalid"),
    ],
)
async def test_a_line_that_makes_no_sense_is_refused_and_changes_nothing(
    api: Api, changes: dict[str, str], code: str
) -> None:
    answer = await posted(api, "fees", line(**changes))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)
    assert not (api.services.config.paths.state / "fees.toml").exists()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_only_an_administrator_keeps_fees(api: Api, role: Role) -> None:
    assert (await posted(api, "fees", line(), role)).status_code == 403


async def test_a_reason_of_many_lines_is_one_line_of_the_file(api: Api, tmp_path: Path) -> None:
    await posted(
        api, "fees", line(reason='a "tier"\n[[fees]]\u007f of May', symbol="SOLUSD", valid_from=TODAY.isoformat())
    )
    answer = await posted(api, "fees", line())
    sources = [one["source"] for one in answer.json()["taker_fees"] if one["is_added"]]
    assert 'console, admin: a "tier" [[fees]] of May' in sources
