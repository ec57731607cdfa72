"""An opportunity explained from the record, a venue halted, a trade tagged: in the browser, checked at the API."""

import re
from typing import Any

import httpx

from arb_pipeline_tests.e2e.conftest import OpenPage
from arb_pipeline_tests.e2e.running_platform import RunningPlatform, until
from arb_pipeline_tests.e2e.watched_page import WatchedPage


def _replayable(client: httpx.Client) -> str | None:
    """Return an opportunity whose opening and end are sealed."""
    for row in client.get("/opportunities", params={"limit": 5, "sort": "opened_at"}).json()["items"]:
        then = client.get(f"/opportunities/{row['id']}/moment")
        if then.status_code == 200 and then.json()["ending"] is not None:
            return str(row["id"])
    return None


def test_an_opportunity_is_shown_as_it_was_decided(platform: RunningPlatform, open_page: OpenPage) -> None:
    with platform.signed_in("vic") as client:
        chosen = until(lambda: _replayable(client), "an opportunity is sealed")
        then: dict[str, Any] = client.get(f"/opportunities/{chosen}/moment").json()
    assert then["is_same"]
    assert {frame["leg"] for frame in then["frames"]} == {"book", "pool"}
    viewer = open_page("vic")
    viewer.page.goto(f"{platform.url}/opportunities?id={chosen}")
    drawer = viewer.page.get_by_role("dialog", name="Opportunity")
    drawer.get_by_text("the same decision, to the last unit").wait_for()
    drawer.get_by_text(then["command"]).wait_for()
    drawer.get_by_text(then["frames"][0]["sha256"]).first.wait_for()
    book = drawer.get_by_role("table", name="Best levels of the order book at the opening")
    assert book.get_by_role("row").count() == 1 + len(then["book"]["bids"][:8]) + len(then["book"]["asks"][:8])
    assert drawer.get_by_role("table", name="Costs with source and age").get_by_role("row").count() == 8
    assert viewer.complaints() == []


def _switch(watched: WatchedPage, verb: str) -> None:
    watched.page.get_by_role("button", name=f"{verb} Gemini").click()
    dialog = watched.page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("maintenance of the venue")
    dialog.get_by_role("button", name=f"{verb} now").click()
    dialog.wait_for(state="hidden")


def test_one_venue_is_halted_while_the_others_go_on(platform: RunningPlatform, open_page: OpenPage) -> None:
    operator = open_page("oli")
    operator.open("Risk controls")
    with platform.signed_in("oli") as client:
        _switch(operator, "Halt")
        try:
            halted = until(lambda: client.get("/risk").json()["halts"], "the halt is known")
            assert [(one["scope"], one["actor"]) for one in halted] == [("venue:gemini", "oli")]
            assert client.get("/risk").json()["state"] == "active"
            until(
                lambda: client.get("/rejections", params={"reason": "halted"}).json()["items"],
                "looks there are refused",
            )
        finally:
            _switch(operator, "Release")
        until(lambda: not client.get("/risk").json()["halts"], "the release is known")
    history = operator.page.get_by_role("table", name="Halts and releases")
    history.get_by_text("maintenance of the venue").first.wait_for()
    assert operator.complaints() == []


def test_a_trade_is_tagged_and_found_by_its_tag(platform: RunningPlatform, open_page: OpenPage) -> None:
    operator = open_page("oli")
    with platform.signed_in("oli") as client:
        trade = until(
            lambda: client.get("/trades", params={"limit": 1, "sort": "decided_at"}).json()["items"], "a trade"
        )[0]["id"]
        operator.page.goto(f"{platform.url}/trades?trade={trade}&range=all")
        drawer = operator.page.get_by_role("dialog", name="Simulated trade")
        drawer.get_by_label("New tag").fill("odd-fill")
        drawer.get_by_role("button", name="Add tag").click()
        drawer.get_by_role("link", name="odd-fill").wait_for()
        drawer.get_by_label("New note").fill("the pool moved first")
        drawer.get_by_role("button", name="Add note").click()
        drawer.get_by_text("the pool moved first").wait_for()
        drawer.get_by_role("link", name="odd-fill").click()
        operator.page.wait_for_url(re.compile("tag=odd-fill"))
        found = client.get("/trades", params={"tag": "odd-fill"}).json()["items"]
        assert [row["id"] for row in found] == [trade]
        client.delete(f"/trades/{trade}/tags/odd-fill").raise_for_status()
    assert operator.complaints() == []
