"""The first screen says the four things, and each theme can be read."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from arb_pipeline_tests.e2e.conftest import OpenPage
from arb_pipeline_tests.e2e.running_platform import RunningPlatform, until
from arb_pipeline_tests.e2e.watched_page import WatchedPage

_SERIOUS = ("serious", "critical")


@pytest.fixture
def admin(open_page: OpenPage) -> Iterator[WatchedPage]:
    watched = open_page("ann")
    yield watched
    assert watched.complaints() == []


def _barriers(watched: WatchedPage) -> list[str]:
    """Return what keeps some people from using what is shown, by the rules of WCAG 2.2 AA."""
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
    found = Axe().run(watched.page, options=options).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:160]}"
        for rule in found
        if rule["impact"] in _SERIOUS
        for node in rule["nodes"][:3]
    ]


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
    admin.open("Overview")
    assert _barriers(admin) == []
    admin.open("Settings")
    admin.page.get_by_text("Dark lime", exact=True).click()
