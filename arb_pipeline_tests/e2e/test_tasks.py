"""What people come to each screen for, as viewer, operator and admin."""

import re
import zipfile
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from arb_pipeline_tests.e2e.conftest import OpenPage
from arb_pipeline_tests.e2e.running_platform import PASSWORD, RunningPlatform, until
from arb_pipeline_tests.e2e.watched_page import WatchedPage, barriers

pytestmark = pytest.mark.slow


def _has_graded(platform: RunningPlatform) -> None:
    with platform.signed_in("vic") as client:
        closed = {"state": "closed", "limit": 1}
        until(lambda: client.get("/opportunities", params=closed).json()["items"], "an opportunity closed")
        until(lambda: client.get("/trades").json()["items"], "a trade was simulated")


def _drawer(watched: WatchedPage, name: str) -> None:
    """Open the first row of a table and wait until all of it has come."""
    watched.page.get_by_role("region", name=name).first.locator("tbody tr .opener").first.click()
    expect(watched.page.get_by_role("dialog").locator("[aria-label=loading]")).to_have_count(0)


def _but_unsealed(complaints: list[str]) -> list[str]:
    """The browser notes each refusal to replay what is not sealed yet; the page says so and asks again."""
    return [line for line in complaints if not ("Failed to load resource" in line and "409" in line)]


@pytest.mark.parametrize("width", [1280, 390])
def test_a_viewer_follows_an_opportunity_to_its_trade(
    platform: RunningPlatform, open_page: OpenPage, width: int
) -> None:
    _has_graded(platform)
    viewer = open_page("vic", width=width, height=844)
    viewer.page.goto(f"{platform.url}/opportunities?view=closed")
    viewer.settled("Opportunities")
    _drawer(viewer, "Closed opportunities")
    dialog = viewer.page.get_by_role("dialog")
    dialog.get_by_text("From gross to net at its best moment").wait_for()
    waterfall = dialog.get_by_role("table", name="Cost waterfall at the peak")
    assert waterfall.get_by_role("row").count() > 4
    assert barriers(viewer.page) == []
    assert viewer.beyond() <= 0
    viewer.page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    viewer.open("Simulated trades")
    _drawer(viewer, "Simulated trades")
    dialog.get_by_role("table", name="Legs").wait_for()
    assert barriers(viewer.page) == []
    assert viewer.beyond() <= 0
    dialog.get_by_role("link", name="open it").click()
    viewer.settled("Opportunities")
    viewer.page.get_by_role("dialog", name="Opportunity").wait_for()
    assert _but_unsealed(viewer.complaints()) == []


def test_an_open_opportunity_shows_what_is_known_so_far(platform: RunningPlatform, open_page: OpenPage) -> None:
    viewer = open_page("vic")
    viewer.page.goto(f"{platform.url}/opportunities?view=live")
    panel = viewer.page.locator("section", has=viewer.page.get_by_role("heading", name="Open now"))
    panel.locator("tbody .opener").first.click(timeout=60_000)
    drawer = viewer.page.get_by_role("dialog", name="Opportunity")
    # it may end while it is looked at: then the drawer goes on to what is known by then
    drawer.get_by_text(re.compile("still open|closed: ")).first.wait_for()
    drawer.get_by_role("table", name=re.compile("Cost waterfall at the (opening|peak)")).wait_for()
    assert drawer.get_by_role("alert").count() == 0
    assert _but_unsealed(viewer.complaints()) == []


def test_two_columns_sort_together(platform: RunningPlatform, open_page: OpenPage) -> None:
    _has_graded(platform)
    viewer = open_page("vic")
    viewer.page.goto(f"{platform.url}/trades?latency_ms=every&range=all")
    viewer.settled("Simulated trades")
    viewer.page.get_by_role("button", name="Latency").click()
    viewer.page.get_by_role("button", name="Realised", exact=True).click(modifiers=["Shift"])
    viewer.page.wait_for_url("**sort=-latency_ms%2C-realised_net_usd**")
    viewer.settled("Simulated trades")
    rows = viewer.page.get_by_role("region", name="Simulated trades").first.locator("tbody tr .opener")
    with platform.signed_in("vic") as client:
        wanted = client.get("/trades", params={"sort": "-latency_ms,-realised_net_usd", "limit": 100}).json()["items"]
    assert [trade["latency_ms"] for trade in wanted] == sorted((one["latency_ms"] for one in wanted), reverse=True)
    assert rows.count() == len(wanted)
    assert viewer.complaints() == []


def test_an_admin_adds_a_fee_line_that_holds_from_a_day_on(platform: RunningPlatform, open_page: OpenPage) -> None:
    admin, viewer = open_page("ann"), open_page("vic")
    for watched in (admin, viewer):
        watched.open("Settings")
        watched.page.get_by_role("region", name="Fee schedule", exact=True).get_by_text(
            "the beginning"
        ).first.wait_for()
    assert viewer.page.get_by_role("button", name="Add line").count() == 0
    admin.page.get_by_role("button", name="Add line").click()
    dialog = admin.page.get_by_role("dialog")
    dialog.get_by_label("Venue").select_option("gemini")
    dialog.get_by_label("Taker fee, % of the notional").fill("0.35")
    dialog.get_by_label("Valid from (UTC day)").fill("2099-01-31")
    dialog.get_by_label("Reason").fill("the new tier")
    dialog.get_by_role("button", name="Add", exact=True).click()
    dialog.wait_for(state="hidden")
    row = admin.page.get_by_role("row").filter(has_text="console, ann: the new tier")
    row.get_by_text("not in force").wait_for()
    admin.page.get_by_text("it reckons with the new lines from its next start").wait_for()
    assert barriers(admin.page) == []
    row.get_by_role("button", name="Remove").click()
    dialog.get_by_label("Reason").fill("only a try")
    dialog.get_by_role("button", name="Remove", exact=True).click()
    row.wait_for(state="hidden")
    assert admin.complaints() + viewer.complaints() == []


def test_a_range_gets_a_name_and_is_chosen_by_it(platform: RunningPlatform, open_page: OpenPage) -> None:
    viewer = open_page("vic")
    viewer.page.goto(f"{platform.url}/trades?range=custom&from=2026-01-01T00:00:00.000Z&to=2026-02-01T00:00:00.000Z")
    viewer.page.get_by_role("button", name="Save range").click()
    viewer.page.get_by_role("dialog").get_by_label("Name").fill("January")
    with viewer.page.expect_response("**/api/v1/settings") as kept:
        viewer.page.get_by_role("dialog").get_by_role("button", name="Save").click()
    assert (kept.value.request.method, kept.value.status) == ("PUT", 200)
    viewer.page.get_by_role("button", name="Forget").wait_for()
    viewer.page.goto(f"{platform.url}/reports")
    viewer.page.get_by_label("Time range").first.select_option(label="January")
    viewer.page.wait_for_url("**from=2026-01-01**")
    viewer.settled("Reports")
    viewer.page.get_by_role("button", name="Forget").first.click()
    viewer.page.get_by_role("button", name="Save range").first.wait_for()
    assert viewer.complaints() == []


def test_why_not_is_answered_by_a_reason(platform: RunningPlatform, open_page: OpenPage) -> None:
    with platform.signed_in("vic") as client:
        best = until(lambda: client.get("/rejections/summary").json()["best"], "a refusal is on record", bound_s=150)
    reason = str(best[0]["reason"])
    viewer = open_page("vic")
    viewer.open("Opportunities")
    viewer.page.get_by_text("Refused", exact=True).click()
    viewer.settled("Opportunities")
    viewer.page.get_by_label("Reason", exact=True).select_option(reason)
    viewer.page.wait_for_url(f"**reason={reason}**")
    viewer.settled("Opportunities")
    reasons = viewer.page.get_by_role("region", name="Best refused candidates").locator("tbody td .mono")
    expect(reasons.first).to_have_text(reason)
    assert set(reasons.all_inner_texts()) == {reason}
    assert viewer.complaints() == []


def test_balances_are_those_of_the_engine(platform: RunningPlatform, open_page: OpenPage) -> None:
    viewer = open_page("vic")
    viewer.open("Inventory")
    rows = viewer.page.get_by_role("region", name="Balances by venue and asset").locator("tbody tr")
    expect(rows.first).to_be_visible()
    with platform.signed_in("vic") as client:
        balances = client.get("/inventory").json()["balances"]
    assert rows.count() == len(balances)
    shown = {tuple(row.locator("td").all_inner_texts()[1:2]) for row in rows.all()}
    assert shown == {(balance["asset"],) for balance in balances}
    assert viewer.page.get_by_role("button", name="Mark as seen").count() == 0
    assert viewer.complaints() == []


def test_an_operator_reads_the_log_and_takes_the_bundle(platform: RunningPlatform, open_page: OpenPage) -> None:
    operator, viewer = open_page("oli"), open_page("vic")
    for watched in (operator, viewer):
        watched.open("System status")
        expect(watched.page.get_by_role("region", name="Feeds").last.locator("tbody tr")).to_have_count(3)
    assert viewer.page.get_by_role("region", name="Log", exact=True).count() == 0
    assert viewer.page.get_by_role("link", name="Diagnostics bundle").count() == 0
    lines = operator.page.get_by_role("list", name="Log lines").locator("li")
    expect(lines.first).to_be_visible()
    operator.page.get_by_label("Find text").fill("nothing says this")
    operator.page.get_by_text("No line fits.").wait_for()
    with operator.page.expect_download() as waiting:
        operator.page.get_by_role("link", name="Diagnostics bundle").click()
    with zipfile.ZipFile(Path(waiting.value.path())) as bundle:
        texts = [bundle.read(name) for name in bundle.namelist()]
    assert len(texts) >= 3
    assert not any(PASSWORD.encode() in text for text in texts)
    with platform.signed_in("vic") as client:
        assert client.get("/logs").status_code == 403
        assert client.get("/diagnostics").status_code == 403
    assert operator.complaints() + viewer.complaints() == []


def test_a_range_of_a_report_equals_its_trades(platform: RunningPlatform, open_page: OpenPage) -> None:
    _has_graded(platform)
    viewer = open_page("vic")
    viewer.open("Reports")
    viewer.page.get_by_label("Group by").select_option("venue")
    viewer.page.wait_for_url("**by=venue**")
    viewer.settled("Reports")
    rows = viewer.page.get_by_role("region", name="Groups").locator("tbody tr")
    expect(rows.first).to_be_visible()
    counted = sum(int(row.locator("td").nth(1).inner_text()) for row in rows.all())
    kpi = viewer.page.locator(".kpi").filter(has=viewer.page.get_by_text("Trades", exact=True))
    assert counted == int(kpi.locator(".value").inner_text().replace(",", ""))
    assert viewer.complaints() == []


def test_a_key_is_shown_once_and_ends_when_it_is_revoked(platform: RunningPlatform, open_page: OpenPage) -> None:
    operator = open_page("oli")
    operator.open("Settings")
    operator.page.get_by_role("button", name="Make key").click()
    dialog = operator.page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("a notebook")
    dialog.get_by_role("button", name="Make", exact=True).click()
    value = dialog.locator("code").inner_text()
    asked = {"url": f"{platform.url}/api/v1/status", "headers": {"Authorization": f"Bearer {value}"}}
    with httpx.Client(trust_env=False, timeout=60) as client:
        assert client.request("GET", **asked).status_code == 200
        dialog.get_by_role("button", name="Done").click()
        row = operator.page.get_by_role("row").filter(has_text="a notebook")
        assert value not in operator.page.content()
        row.get_by_role("button", name="Revoke").click()
        row.get_by_text("revoked").wait_for()
        assert client.request("GET", **asked).status_code == 401
    # the browser itself notes the refused answer of nobody here: this page asked nothing with the key
    assert operator.complaints() == []


def test_a_choice_of_time_zone_is_kept_and_said(platform: RunningPlatform, open_page: OpenPage) -> None:
    viewer = open_page("vic")
    viewer.open("Settings")
    zone = viewer.page.get_by_label("Times are shown in")
    zone.select_option("et")
    viewer.open("Simulated trades")
    viewer.page.reload()
    viewer.settled("Simulated trades")
    expect(viewer.page.get_by_label("Clocks")).to_have_text(re.compile(r"UTC.*\b(ET|EST|EDT)\b", re.DOTALL))
    viewer.open("Settings")
    zone.select_option("utc")
    assert viewer.complaints() == []


def test_an_admin_sees_who_did_what(platform: RunningPlatform, open_page: OpenPage) -> None:
    admin, operator = open_page("ann"), open_page("oli")
    for watched in (admin, operator):
        watched.open("Risk controls")
    assert operator.page.get_by_role("region", name="Audit trail").count() == 0
    audit = admin.page.get_by_role("region", name="Audit trail").first
    audit.get_by_text("chain whole").wait_for()
    expect(audit.locator("tbody tr").first).to_be_visible()
    with platform.signed_in("oli") as client:
        assert client.get("/audit").status_code == 403
    assert admin.complaints() + operator.complaints() == []


def test_costs_of_a_trade_sum_to_its_net(platform: RunningPlatform, open_page: OpenPage) -> None:
    _has_graded(platform)
    with platform.signed_in("vic") as client:
        for trade in client.get("/trades", params={"limit": 50}).json()["items"]:
            for side in ("predicted", "realised"):
                stack = trade[side]
                costs = sum(Decimal(cost["value_usd"]) for cost in stack["costs"])
                assert Decimal(stack["gross_usd"]) + costs == Decimal(stack["net_usd"])
