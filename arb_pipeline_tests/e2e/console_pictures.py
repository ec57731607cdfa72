"""Take the pictures of the console in docs/images from a running demo, at a desk and on a phone.

python -m arb_pipeline_tests.e2e.console_pictures --url http://127.0.0.1:8080 --user demo-admin [--to docs/images]
The password is asked for, or read from the variable CONSOLE_PASSWORD.
"""

import argparse
import getpass
import io
import os
import sys
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from arb_pipeline_tests.e2e.conftest import open_browser

PICTURES: Final = {
    "overview": "/",
    "opportunities": "/opportunities?view=closed",
    "trades": "/trades",
    "risk": "/risk",
    "inventory": "/inventory",
    "system": "/system",
    "reports": "/reports",
    "settings": "/settings",
}
"""Name of each picture and the view that it shows."""
DESK: Final = (1280, 800)
PHONE: Final = (390, 844)
_MOST_HEIGHT: Final = {DESK: 1_700, PHONE: 1_900}
_COLOURS: Final = 160
_SETTLE_MS: Final = 6_000
"""Time for what comes late; and sixteen views in a minute would ask for more than the API gives one address."""


def sign_in(page: Page, url: str, user: str, password: str) -> None:
    """Log in by the form."""
    page.goto(url)
    page.get_by_label("User name").fill(user)
    page.get_by_label("Password").first.fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Overview", exact=True).wait_for()


def take(page: Page, url: str, size: tuple[int, int]) -> bytes:
    """Return one view as it looks when everything on it has come, cut where it gets long."""
    page.goto(url)
    page.locator("main h1").wait_for()
    page.wait_for_timeout(_SETTLE_MS)
    expect(page.locator("main [aria-label=loading]")).to_have_count(0, timeout=60_000)
    height = min(int(page.evaluate("document.documentElement.scrollHeight")), _MOST_HEIGHT[size])
    return page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": size[0], "height": height})


def small(picture: bytes) -> bytes:
    """Return the same picture in few colours, which takes a third of the room."""
    few = Image.open(io.BytesIO(picture)).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    packed = io.BytesIO()
    few.save(packed, "PNG", optimize=True)
    return packed.getvalue()


def take_all(browser: Browser, url: str, user: str, password: str, to: Path) -> None:
    """Write every picture."""
    for size, ending in ((DESK, ""), (PHONE, "-phone")):
        width, height = size
        context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
        page = context.new_page()
        sign_in(page, url, user, password)
        for name, path in PICTURES.items():
            picture = small(take(page, url + path, size))
            (to / f"console-{name}{ending}.png").write_bytes(picture)
            sys.stdout.write(f"console-{name}{ending}.png {len(picture) // 1000} KB\n")
            sys.stdout.flush()
        context.close()


def main() -> int:
    """Take all pictures of the demo that runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--user", default="demo-admin")
    parser.add_argument("--to", type=Path, default=Path("docs/images"))
    given = parser.parse_args()
    password = os.environ.get("CONSOLE_PASSWORD") or getpass.getpass("password: ")
    with sync_playwright() as playwright:
        browser = open_browser(playwright)
        take_all(browser, given.url, given.user, password, given.to)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
