"""What the console costs its viewers and the server, against its budgets. Prints a table; 1 where one is missed.

Run on a machine that does nothing else: python -m arb_pipeline_tests.e2e.budgets [--minutes 5] [--seconds 30]
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright

from arb_pipeline_tests.e2e.conftest import open_browser
from arb_pipeline_tests.e2e.running_platform import RunningPlatform, until
from arb_pipeline_tests.e2e.viewers import Viewers
from arb_pipeline_tests.e2e.watched_page import WatchedPage
from arb_pipeline_tests.load.stand import used_by

FIRST_LOAD_KB: Final = 300
FIRST_ROW_MS: Final = 1_000
HEAP_MB: Final = 40
VIEWERS: Final = 20
SERVER_PERCENT: Final = 10
_LOADS: Final = 5
# Notes when the first row of a table came, by the page's own clock; it starts with the navigation.
_FIRST_ROW: Final = """
new MutationObserver((_, observer) => {
  if (document.querySelector('main table.data tbody tr') === null) return;
  window.firstRowMs = performance.now();
  observer.disconnect();
}).observe(document, {childList: true, subtree: true});
"""


@dataclass(frozen=True)
class Line:
    """One measurement. ``most`` is its budget; None is there to be read only."""

    what: str
    value: float
    unit: str
    most: float | None = None

    @property
    def is_kept(self) -> bool:
        """Whether it is within its budget."""
        return self.most is None or self.value < self.most

    def __str__(self) -> str:
        budget = "" if self.most is None else f"under {self.most:g} {self.unit}"
        verdict = "" if self.most is None else "kept" if self.is_kept else "MISSED"
        return f"| {self.what} | {self.value:,.1f} {self.unit} | {budget} | {verdict} |"


def first_load(browser: Browser, platform: RunningPlatform) -> Iterator[Line]:
    """Yield the weight of the login page and the first screen in a browser that knows nothing yet."""
    with _signed_out(browser) as context:
        watched = WatchedPage(context, platform.url)
        sent = _weights(context.new_cdp_session(watched.page))
        watched.sign_in("vic")
        watched.settled("Overview")
        files = sum(size for path, size in sent if not path.startswith("/api/"))
        yield Line("first load: page, scripts and styles, compressed", files / 1_000, "KB", FIRST_LOAD_KB)
        yield Line("first load: what the API answered", sum(size for _, size in sent) / 1_000 - files / 1_000, "KB")


def _weights(session: CDPSession) -> list[tuple[str, float]]:
    """Return a list that fills with path and bytes on the wire of every answer."""
    paths: dict[str, str] = {}
    sent: list[tuple[str, float]] = []
    session.on("Network.responseReceived", lambda event: paths.update({event["requestId"]: event["response"]["url"]}))

    def finished(event: dict[str, object]) -> None:
        url = paths.get(str(event["requestId"]), "")
        sent.append(("/" + url.split("/", 3)[-1], float(str(event["encodedDataLength"]))))

    session.on("Network.loadingFinished", finished)
    session.send("Network.enable")
    return sent


def first_row(browser: Browser, platform: RunningPlatform) -> Iterator[Line]:
    """Yield the time from the click on a link to the first row, for who has been here and for who has not."""
    with _signed_out(browser) as context:
        context.add_init_script(_FIRST_ROW)
        watched = WatchedPage(context, platform.url)
        watched.sign_in("vic")
        for path, name in (("/", "Overview"), ("/trades", "Trades")):
            times = [_row_after(watched.page, platform.url + path) for _ in range(_LOADS)]
            yield Line(f"{name}: first row, median of {_LOADS} loads", statistics.median(times), "ms", FIRST_ROW_MS)


def _row_after(page: Page, url: str) -> float:
    page.goto(url)
    page.locator("main table.data tbody tr").first.wait_for()
    return float(page.evaluate("window.firstRowMs"))


def heap_and_server(browser: Browser, platform: RunningPlatform, minutes: float, seconds: float) -> Iterator[Line]:
    """Yield what one page holds after some minutes, and what twenty viewers take from the server meanwhile."""
    with _signed_out(browser) as context, platform.signed_in("vic") as client:
        watched = WatchedPage(context, platform.url)
        watched.sign_in("vic")
        watched.page.get_by_role("link", name="Opportunities").first.click()
        watched.settled("Opportunities")
        session = context.new_cdp_session(watched.page)
        token = client.headers["authorization"].removeprefix("Bearer ")
        yield Line("one viewer: processor time of the server", _percent(platform, seconds), "% of a core")
        viewers = Viewers(platform.url, token, VIEWERS - 1)
        started = time.monotonic()
        with viewers.watching():
            heard, at = viewers.messages, time.monotonic()
            used = _percent(platform, seconds)
            rate = (viewers.messages - heard) / (time.monotonic() - at) / viewers.count
        yield Line(f"{VIEWERS} viewers: processor time of the server", used, "% of a core", SERVER_PERCENT)
        yield Line(f"{VIEWERS} viewers: messages to each", rate, "a second")
        watched.page.wait_for_timeout(max(0.0, minutes * 60 - (time.monotonic() - started)) * 1_000)
        yield Line(f"heap of a live page after {minutes:g} minutes", _heap_mb(session), "MB", HEAP_MB)
        assert watched.complaints() == []


def _heap_mb(session: CDPSession) -> float:
    session.send("HeapProfiler.enable")
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6


def _percent(platform: RunningPlatform, seconds: float) -> float:
    """Return how much of a core the API takes over a while."""
    pid = platform.pid("api")
    before, at = used_by(pid).cpu_s, time.monotonic()
    time.sleep(seconds)
    return (used_by(pid).cpu_s - before) / (time.monotonic() - at) * 100


@contextmanager
def _signed_out(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        yield context
    finally:
        context.close()


def main() -> int:
    """Measure everything once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seconds", type=float, default=30)
    given = parser.parse_args()
    parts: tuple[Callable[[Browser, RunningPlatform], Iterator[Line]], ...] = (
        first_load,
        first_row,
        lambda browser, platform: heap_and_server(browser, platform, given.minutes, given.seconds),
    )
    lines: list[Line] = []
    sys.stdout.write("| what | measured | budget | |\n|---|---|---|---|\n")
    with tempfile.TemporaryDirectory(prefix="arb-budgets-") as folder, sync_playwright() as playwright:
        platform = RunningPlatform(Path(folder))
        try:
            platform.start()
            with platform.signed_in("vic") as client:
                until(lambda: client.get("/status").json()["today"]["trades"] > 0, "a trade was simulated")
            browser = open_browser(playwright)
            for part in parts:
                for line in part(browser, platform):
                    lines.append(line)
                    sys.stdout.write(f"{line}\n")
                    sys.stdout.flush()
            browser.close()
        finally:
            platform.stop()
    return 0 if all(line.is_kept for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
