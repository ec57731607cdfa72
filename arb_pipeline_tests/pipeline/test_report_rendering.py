"""The report as a manager sees it: in a real browser, as wide as a phone and as a desk; alerts too."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from arb_pipeline_tests.fixtures.platform import DAY, Evening
from arb_pipeline_tests.worker.alerts.conftest import Scene
from streaming_worker.alerts import Severity

PHONE, DESK = 390, 1280
SWITCHES = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync"]  # fmt: skip
OVERFLOWING = """
() => [...document.querySelectorAll('body *')]
  .filter(e => e.getBoundingClientRect().right > window.innerWidth + 1).map(e => e.outerHTML.slice(0, 80))
"""
PICTURES = (
    "() => [...document.images].map(i => [i.complete, i.naturalWidth, Math.round(i.getBoundingClientRect().width)])"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's chromium."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs chromium on PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=SWITCHES)
        yield browser
        browser.close()


def opened(browser: Browser, file: Path, width: int) -> tuple[Page, list[str]]:
    """Return the page, and every address that it asked for."""
    asked: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900}, device_scale_factor=2)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    return page, asked


@pytest.mark.parametrize(("width", "beside"), [(PHONE, 1), (DESK, 2)])
def test_the_report_fits_its_window_and_its_pictures_are_there(
    evening: Evening, browser: Browser, width: int, beside: int
) -> None:
    page, asked = opened(browser, evening.platform.settings.reports / DAY / "report.html", width)
    try:
        assert page.evaluate(OVERFLOWING) == []
        assert page.evaluate("() => document.documentElement.scrollWidth") == width
        pictures = page.evaluate(PICTURES)
        assert len(pictures) == 4
        assert all(is_complete and natural > 0 for is_complete, natural, _ in pictures)
        # readable: on a phone as wide as it is, at a desk two in a row
        assert all(shown * beside > 0.85 * min(width, 820) for _, _, shown in pictures)
        assert all(address.startswith(("file:", "data:")) for address in asked)
    finally:
        page.close()


def test_a_phone_shows_fewer_columns_and_every_figure_that_counts(evening: Evening, browser: Browser) -> None:
    file = evening.platform.settings.reports / DAY / "report.html"
    seen = {}
    for width in (PHONE, DESK):
        page, _ = opened(browser, file, width)
        seen[width] = page.evaluate("() => [...document.querySelectorAll('th')].filter(e => e.offsetWidth > 0).length")
        assert page.get_by_text("USD net, realised").is_visible()
        assert page.get_by_role("heading", name="What was shown, and what was real").is_visible()
        page.close()
    assert seen[PHONE] < seen[DESK]


def test_the_mail_of_an_alert_fits_a_phone(tmp_path: Path, browser: Browser) -> None:
    scene = Scene(tmp_path)
    scene.wrong(severity=Severity.CRITICAL, detail="gemini: lost, close code 1006\n" + "x" * 200)
    file = tmp_path / "alert.html"
    file.write_text(scene.mail.messages[0].html)
    page, _ = opened(browser, file, PHONE)
    try:
        assert page.evaluate("() => document.documentElement.scrollWidth") == PHONE
        assert page.get_by_role("heading", name="worker main is critical").is_visible()
    finally:
        page.close()
