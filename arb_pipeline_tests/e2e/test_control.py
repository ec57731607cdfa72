"""Who may do what, and what a pause does: seen in the browser, checked at the API."""

import httpx

from arb_pipeline_tests.e2e.conftest import OpenPage
from arb_pipeline_tests.e2e.running_platform import RunningPlatform, until
from arb_pipeline_tests.e2e.watched_page import SCREENS, WatchedPage


def _trades(client: httpx.Client) -> int:
    return int(client.get("/status").json()["today"]["trades"])


def _command(watched: WatchedPage, button: str, reason: str, confirm: str) -> None:
    watched.page.get_by_role("button", name=button).click()
    dialog = watched.page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill(reason)
    if dialog.get_by_role("checkbox").count():
        dialog.get_by_role("checkbox").check()
    dialog.get_by_role("button", name=confirm).click()
    dialog.wait_for(state="hidden")


def test_a_pause_shows_everywhere_and_stops_simulated_trades(platform: RunningPlatform, open_page: OpenPage) -> None:
    operator, viewer = open_page("oli"), open_page("vic")
    with platform.signed_in("oli") as client:
        until(lambda: _trades(client) > 0, "a trade was simulated")
        operator.open("Risk controls")
        _command(operator, "Pause…", "looking at a venue", "Pause now")
        try:
            for heading in SCREENS:
                operator.open(heading)
                operator.page.get_by_text("SYSTEM PAUSED", exact=True).wait_for()
            viewer.page.get_by_text("SYSTEM PAUSED", exact=True).wait_for()
            until(lambda: client.get("/risk").json()["pending_trades"] == 0, "trades that were under way have ended")
            before = _trades(client)
            seen = platform.state()["events"]
            until(lambda: platform.state()["events"] > seen + 400, "the market went on")
            assert _trades(client) == before
        finally:
            operator.open("Risk controls")
            _command(operator, "Resume…", "looked, nothing is wrong", "Resume now")
        operator.page.get_by_text("SYSTEM PAUSED", exact=True).wait_for(state="hidden")
        until(lambda: _trades(client) > before, "trades are simulated again")
        history = operator.page.get_by_role("region", name="Changes of the risk state")
        history.get_by_text("looking at a venue").wait_for()
    assert operator.complaints() + viewer.complaints() == []


def test_a_viewer_sees_limits_and_changes_none(platform: RunningPlatform, open_page: OpenPage) -> None:
    viewer = open_page("vic")
    viewer.open("Risk controls")
    viewer.page.get_by_role("region", name="Limits").first.get_by_text("USD").first.wait_for()
    assert viewer.page.get_by_role("button", name="Pause").count() == 0
    assert viewer.page.get_by_role("button", name="Change").count() == 0
    viewer.open("Settings")
    assert viewer.page.get_by_text("Users and roles").count() == 0
    with platform.signed_in("vic") as client:
        assert client.post("/controls/pause", json={"reason": "not mine to do"}).status_code == 403
        assert client.get("/users").status_code == 403
    assert viewer.complaints() == []


def test_a_limit_is_previewed_before_it_is_changed(platform: RunningPlatform, open_page: OpenPage) -> None:
    operator = open_page("oli")
    operator.open("Risk controls")
    title = "Smallest net edge of an opportunity"
    with platform.signed_in("oli") as client:
        before = _limit(client, title)
        _change_limit(operator, title, "35")
        until(lambda: _limit(client, title) == "35", "the engine took it")
        row = operator.page.get_by_role("row").filter(has_text=title).first
        row.get_by_text("35 bps").wait_for()
        operator.page.get_by_text("trying a stricter limit").first.wait_for()
        _change_limit(operator, title, before)
        until(lambda: _limit(client, title) == before, "it is as it was")
    assert operator.complaints() == []


def _limit(client: httpx.Client, title: str) -> str:
    limits = client.get("/risk").json()["limits"]
    return str(next(limit["value"] for limit in limits if limit["title"] == title))


def _change_limit(watched: WatchedPage, title: str, value: str) -> None:
    watched.page.get_by_role("button", name=f"Change {title}").click()
    dialog = watched.page.get_by_role("dialog")
    dialog.get_by_label("New value").fill(value)
    assert dialog.get_by_role("button", name="Set limit").is_disabled()
    dialog.get_by_role("button", name="Preview").click()
    dialog.get_by_text("Over the last 24 hours").wait_for()
    dialog.get_by_label("Reason").fill("trying a stricter limit")
    dialog.get_by_role("button", name="Set limit").click()
    dialog.wait_for(state="hidden")


def test_an_admin_makes_and_shuts_out_a_user(platform: RunningPlatform, open_page: OpenPage) -> None:
    admin = open_page("ann")
    admin.open("Settings")
    admin.page.get_by_role("button", name="Add user").click()
    dialog = admin.page.get_by_role("dialog")
    dialog.get_by_label("User name").fill("bea")
    dialog.get_by_label("First password").fill("seven-grey-herons-7")
    dialog.get_by_role("button", name="Add", exact=True).click()
    row = admin.page.get_by_role("row").filter(has_text="bea")
    row.get_by_role("button", name="Disable").click()
    row.get_by_text("disabled").wait_for()
    answer = httpx.post(
        f"{platform.url}/api/v1/auth/login",
        json={"username": "bea", "password": "seven-grey-herons-7", "mode": "bearer"},
        trust_env=False,
    )
    assert answer.status_code in (401, 403)
    assert admin.complaints() == []


def test_a_rule_made_from_a_row_tells_of_the_next_such_opportunity(
    platform: RunningPlatform, open_page: OpenPage
) -> None:
    operator, viewer = open_page("oli"), open_page("vic")
    viewer.page.goto(f"{platform.url}/opportunities?view=closed&range=hour")
    operator.page.goto(f"{platform.url}/opportunities?view=closed&range=hour")
    for watched in (operator, viewer):
        watched.page.locator("main table.data tbody tr button.opener").first.click()
        watched.page.get_by_role("dialog").get_by_text("Route", exact=True).wait_for()
    assert viewer.page.get_by_role("button", name="Alert on").count() == 0
    operator.page.get_by_role("button", name="Alert on").click()
    form = operator.page.get_by_role("dialog", name="Tell people of such an opportunity")
    form.get_by_label("Of", exact=True).select_option(label="every route")
    form.get_by_label("Net edge of at least").fill("0")
    with operator.page.expect_response("**/api/v1/alerts/rules") as made:
        form.get_by_role("button", name="Make the rule").click()
    assert made.value.status == 201
    with platform.signed_in("oli") as client:
        until(lambda: client.get("/alerts/rules").json()["items"][0]["fired_at"], "an opportunity met the rule")
        told = until(
            lambda: [one for one in client.get("/alerts").json()["items"] if one["kind"] == "rule_met"], "it was told"
        )
        assert "net edge of" in told[0]["subject"]
    for watched in (viewer, operator):
        watched.page.goto(f"{platform.url}/settings")
        watched.settled("Settings")
    rules = viewer.page.get_by_role("region", name="Alert rules").first
    rules.get_by_text("every route").wait_for()
    assert rules.get_by_role("button").count() == 0
    operator.page.get_by_role("button", name="Forget the rule of every route").click()
    operator.page.get_by_text("No rule yet.").wait_for()
    assert operator.complaints() + viewer.complaints() == []
