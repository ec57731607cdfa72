"""What a screen says when there is nothing, when something failed, and when what it shows has become old."""

import pytest
from playwright.sync_api import Locator, expect

from arb_pipeline_tests.e2e.conftest import OpenPage
from arb_pipeline_tests.e2e.running_platform import RunningPlatform, until
from arb_pipeline_tests.e2e.watched_page import SCREENS, WatchedPage

_MINUS = ("-", "\u2212", "\u25bc")


def _first(element: Locator) -> str:
    return element.inner_text().strip()[:1]


def _assert_signs_agree(watched: WatchedPage) -> None:
    """A number below zero never wears the colour of a gain, and one above never that of a loss."""
    for gain in watched.page.locator("main .gain").all():
        assert _first(gain) not in _MINUS, gain.inner_text()
    for loss in watched.page.locator("main td .loss.nowrap").all():
        assert _first(loss) in _MINUS, loss.inner_text()


def test_a_loss_never_looks_like_a_gain(platform: RunningPlatform, open_page: OpenPage) -> None:
    viewer = open_page("vic")
    with platform.signed_in("vic") as client:
        worst = {"sort": "realised_net_usd", "limit": 1}
        until(lambda: client.get("/trades", params=worst).json()["items"], "a trade was simulated")
    viewer.page.goto(f"{platform.url}/trades?latency_ms=every&sort=realised_net_usd")
    viewer.settled("Simulated trades")
    _assert_signs_agree(viewer)
    assert viewer.complaints() == []


def test_nothing_found_says_what_to_do(platform: RunningPlatform, open_page: OpenPage) -> None:
    viewer = open_page("vic")
    viewer.page.goto(f"{platform.url}/trades?min_net=999999")
    viewer.page.get_by_text("No simulated trade fits.").wait_for()
    viewer.page.get_by_text("Widen the time range or clear a filter.").wait_for()
    viewer.page.get_by_role("button", name="Clear").click()
    viewer.page.wait_for_url(f"{platform.url}/trades")
    assert viewer.complaints() == []


def test_an_error_names_its_request(platform: RunningPlatform, open_page: OpenPage) -> None:
    viewer = open_page("vic")
    viewer.page.goto(f"{platform.url}/trades?trade=there-is-no-such-trade")
    alert = viewer.page.get_by_role("dialog").get_by_role("alert")
    expect(alert).to_contain_text("request", timeout=30_000)
    assert len(alert.locator("code").last.inner_text()) >= 8
    # the browser notes the refused answer; nothing else may have gone wrong
    assert [line for line in viewer.complaints() if "Failed to load resource" not in line] == []


@pytest.mark.slow
def test_what_the_worker_said_is_marked_old_when_it_falls_silent(
    platform: RunningPlatform, open_page: OpenPage
) -> None:
    viewer = open_page("vic")
    with platform.held("worker"):
        viewer.page.get_by_text("WORKER DOWN").wait_for()
        for heading in SCREENS:
            viewer.open(heading)
            viewer.page.get_by_text("WORKER DOWN").wait_for()
            assert viewer.page.get_by_label("Feeds").first.locator("li.stale").count() == 3
    viewer.page.get_by_text("WORKER DOWN").wait_for(state="hidden")
    until(lambda: platform.state()["status"] == "ok", "every feed is whole again")
    assert viewer.complaints() == []
