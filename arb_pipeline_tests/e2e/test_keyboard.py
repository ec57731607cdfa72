"""The whole way through without a mouse: log in, screens, filter, a pause with its reason, help, log out."""

import re

from playwright.sync_api import Browser, Page, expect

from arb_pipeline_tests.e2e.running_platform import PASSWORD, RunningPlatform


def _type_in(page: Page, text: str) -> None:
    page.keyboard.type(text)


def _tab_to(page: Page, name: str) -> None:
    """Move the focus on until it is on what has this name."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText ?? ''").strip().startswith(name):
            return
    raise AssertionError(f"{name} cannot be reached by the Tab key")


def test_everything_that_matters_works_by_keyboard(platform: RunningPlatform, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(platform.url)
    expect(page.get_by_label("User name")).to_be_focused()
    _type_in(page, "oli")
    page.keyboard.press("Tab")
    _type_in(page, PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible(timeout=30_000)
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.get_by_role("heading", name="Simulated trades")).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_label("Latency")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile("latency_ms="))
    _tab_to(page, "Export")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("button", name="Pause…")).to_be_visible(timeout=30_000)
    page.keyboard.press("p")
    expect(page.get_by_role("dialog").get_by_label("Reason")).to_be_focused()
    _type_in(page, "by keyboard alone")
    _tab_to(page, "Pause now")
    page.keyboard.press("Enter")
    expect(page.get_by_text("SYSTEM PAUSED", exact=True)).to_be_visible(timeout=15_000)
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("p")
    expect(page.get_by_role("dialog").get_by_label("Reason")).to_be_focused()
    _type_in(page, "by keyboard alone")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    _tab_to(page, "Resume now")
    page.keyboard.press("Enter")
    expect(page.get_by_text("SYSTEM PAUSED", exact=True)).to_have_count(0, timeout=15_000)
    page.context.close()
