"""Every screen shows what is there, without an error, a policy report or a request elsewhere, and to everybody."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from arb_pipeline_tests.e2e.conftest import OpenPage
from arb_pipeline_tests.e2e.running_platform import RunningPlatform, until
from arb_pipeline_tests.e2e.watched_page import SCREENS, WatchedPage, barriers


@pytest.fixture
def admin(open_page: OpenPage) -> Iterator[WatchedPage]:
    watched = open_page("ann")
    yield watched
    assert watched.complaints() == []


def test_every_screen_is_whole_and_open_to_everybody(platform: RunningPlatform, admin: WatchedPage) -> None:
    for heading in SCREENS:
        admin.open(heading)
        assert admin.page.get_by_text("OBSERVE_ONLY", exact=True).is_visible(), heading
        assert admin.page.locator("main .state-box.bad").count() == 0, heading
        assert barriers(admin.page) == [], heading


def test_nothing_is_cut_off_on_a_phone(open_page: OpenPage) -> None:
    watched = open_page("ann", width=390, height=844)
    for heading in SCREENS:
        watched.open(heading)
        assert watched.beyond() <= 0, heading
        assert barriers(watched.page) == [], heading
    assert watched.complaints() == []


def test_overview_answers_the_four_questions(platform: RunningPlatform, admin: WatchedPage) -> None:
    admin.open("Overview")
    short = admin.page.get_by_label("In short")
    with platform.signed_in("vic") as client:
        until(lambda: client.get("/status").json()["today"]["opportunities"] > 0, "an opportunity was seen")
    expect(short).not_to_contain_text("0 of 0", timeout=30_000)
    text = " ".join(short.inner_text().split())
    for question in ("Is it running?", "Is it healthy?", "What is it finding?", "Is it real?"):
        assert question in text
    assert "yes, for" in text
    assert "could have been captured" in text


@pytest.mark.parametrize("theme", ["High contrast", "Light"])
def test_themes_keep_their_contrast(admin: WatchedPage, theme: str) -> None:
    admin.open("Settings")
    admin.page.get_by_text(theme, exact=True).click()
    for heading in SCREENS:
        admin.open(heading)
        assert barriers(admin.page) == [], heading
    admin.open("Settings")
    admin.page.get_by_text("Dark lime", exact=True).click()
