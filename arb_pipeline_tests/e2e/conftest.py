"""One platform and one browser for all browser tests; a page for each test and role."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from arb_pipeline_tests.e2e.running_platform import RunningPlatform
from arb_pipeline_tests.e2e.watched_page import WatchedPage
from streaming_worker.operations.console import console_dist

_QUIET = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
OpenPage = Callable[..., WatchedPage]


def open_browser(playwright: Playwright) -> Browser:
    """Open Debian's chromium, which asks nobody for anything by itself."""
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(_QUIET))


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    """Venues, worker and API, running."""
    if console_dist() is None:
        pytest.fail("the console is not built: make console")
    running = RunningPlatform(tmp_path_factory.mktemp("console"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


# A browser driven from synchronous code keeps an event loop in this thread: asynchronous tests must not meet it.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium, without a window."""
    if shutil.which("chromium") is None:
        pytest.skip("needs Debian's chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        opened = open_browser(playwright)
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: Browser, platform: RunningPlatform) -> Iterator[OpenPage]:
    """Return a function that opens the console as a user, at a width."""
    contexts = []

    def opened(username: str, *, width: int = 1280, height: int = 800) -> WatchedPage:
        context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
        contexts.append(context)
        watched = WatchedPage(context, platform.url)
        watched.sign_in(username)
        return watched

    yield opened
    for context in contexts:
        context.close()
