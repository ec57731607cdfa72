"""Tags and notes: kept beside the record, found again by filter and export, audited, and each by who may."""

import csv
import io
from typing import Any

from arb_pipeline_tests.fixtures.api import PASSWORD, Api
from streaming_worker.api.identity.roles import Role


async def sent(api: Api, role: Role, method: str, path: str, **options: Any) -> tuple[int, Any]:
    async with api.client(token=api.token(role)) as client:
        answer = await client.request(method, f"/api/v1/{path}", **options)
    return answer.status_code, answer.json()


async def trade_ids(api: Api) -> list[str]:
    _, page = await sent(api, Role.VIEWER, "GET", "trades", params={"limit": 3})
    return [row["id"] for row in page["items"]]


async def test_a_tag_finds_its_trades_in_list_totals_and_export(reading: Api) -> None:
    first, second, _ = await trade_ids(reading)
    for trade_id in (first, second, first):
        status, _ = await sent(reading, Role.OPERATOR, "POST", f"trades/{trade_id}/tags", json={"tag": "odd-fill"})
        assert status == 200
    _, page = await sent(reading, Role.VIEWER, "GET", "trades", params={"tag": "odd-fill"})
    assert {row["id"] for row in page["items"]} == {first, second}
    _, totals = await sent(reading, Role.VIEWER, "GET", "trades/totals", params={"tag": "odd-fill"})
    assert totals["trades"] == 2
    _, counts = await sent(reading, Role.VIEWER, "GET", "trades/tags")
    assert counts["items"] == [{"tag": "odd-fill", "trades": 2}]
    async with reading.client(token=reading.token(Role.VIEWER)) as client:
        export = await client.get("/api/v1/exports/trades.csv", params={"tag": "odd-fill"})
    assert {row["id"] for row in csv.DictReader(io.StringIO(export.text))} == {first, second}
    _, none = await sent(reading, Role.VIEWER, "GET", "trades", params={"tag": "never-given"})
    assert none["items"] == []
    await sent(reading, Role.OPERATOR, "DELETE", f"trades/{first}/tags/odd-fill")
    status, error = await sent(reading, Role.OPERATOR, "DELETE", f"trades/{first}/tags/odd-fill")
    assert (status, error["error"]["code"]) == (404, "not_found")
    _, left = await sent(reading, Role.VIEWER, "GET", "trades", params={"tag": "odd-fill", "limit": 9})
    assert [row["id"] for row in left["items"]] == [second]


async def test_a_note_is_its_writers_to_take_away_or_an_admins(reading: Api) -> None:
    reading.services.users.create("olga", PASSWORD, Role.OPERATOR)
    trade_id = (await trade_ids(reading))[0]
    path = f"trades/{trade_id}/notes"
    for text in ("the pool moved first", "asked the venue"):
        status, said = await sent(reading, Role.OPERATOR, "POST", path, json={"text": text})
        assert status == 200
    assert [(one["text"], one["actor"], one["is_own"]) for one in said["notes"]] == [
        ("the pool moved first", "operator", True), ("asked the venue", "operator", True),
    ]  # fmt: skip
    first, second = (one["note_id"] for one in said["notes"])
    _, seen = await sent(reading, Role.VIEWER, "GET", f"trades/{trade_id}/annotations")
    assert [one["is_own"] for one in seen["notes"]] == [False, False]
    olga = reading.services.users.named("olga")
    assert olga is not None
    session, _ = reading.services.sessions.open(olga.user_id, ip="127.0.0.1", user_agent="test")
    async with reading.client(token=reading.services.signer.sign(olga.user_id, session.session_id)[0]) as client:
        refused = await client.delete(f"/api/v1/{path}/{first}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
    assert (await sent(reading, Role.OPERATOR, "DELETE", f"{path}/{first}"))[0] == 200
    assert (await sent(reading, Role.ADMIN, "DELETE", f"{path}/{second}"))[1]["notes"] == []
    assert (await sent(reading, Role.ADMIN, "DELETE", f"{path}/{second}"))[0] == 404


async def test_what_is_said_is_audited_and_a_trade_that_is_not_there_has_nothing_said(reading: Api) -> None:
    trade_id = (await trade_ids(reading))[0]
    await sent(reading, Role.OPERATOR, "POST", f"trades/{trade_id}/tags", json={"tag": "check"})
    await sent(reading, Role.OPERATOR, "POST", f"trades/{trade_id}/notes", json={"text": "look again"})
    for what, body in (("tags", {"tag": "check"}), ("notes", {"text": "nobody"})):
        status, _ = await sent(reading, Role.OPERATOR, "POST", f"trades/none/{what}", json=body)
        assert status == 404
    status, _ = await sent(reading, Role.OPERATOR, "POST", f"trades/{trade_id}/tags", json={"tag": "Not A Tag"})
    assert status == 422
    _, audit = await sent(reading, Role.ADMIN, "GET", "audit")
    assert [(row["action"], row["target"], row["after"]) for row in reversed(audit["items"])] == [
        ("trade.tag", trade_id, {"tag": "check"}),
        ("trade.note", trade_id, {"text": "look again"}),
    ]


async def test_a_trade_takes_so_many_tags_and_no_more(reading: Api) -> None:
    trade_id = (await trade_ids(reading))[0]
    answers = [
        await sent(reading, Role.OPERATOR, "POST", f"trades/{trade_id}/tags", json={"tag": f"t{number}"})
        for number in range(21)
    ]
    assert [status for status, _ in answers] == [200] * 20 + [409]
