"""A browser page that remembers everything it should not have done: errors, policy reports, requests elsewhere."""

from typing import Any, Final
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, expect

from arb_pipeline_tests.e2e.running_platform import PASSWORD

SCREENS: Final = {
    "Overview": "/",
    "Opportunities": "/opportunities",
    "Simulated trades": "/trades",
    "Risk controls": "/risk",
    "Inventory": "/inventory",
    "System status": "/system",
    "Reports": "/reports",
    "Settings": "/settings",
}
"""Heading of each screen and its address."""
_REPORT: Final = """
addEventListener('securitypolicyviolation', (event) => {
  (window.violations ??= []).push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""
_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_SERIOUS: Final = ("serious", "critical")


def barriers(page: Page) -> list[str]:
    """Return what keeps some people from using what is shown, by the rules of WCAG 2.2 AA."""
    found = Axe().run(page, options={"runOnly": _RULES, "resultTypes": ["violations"]}).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:160]}"
        for rule in found
        if rule["impact"] in _SERIOUS
        for node in rule["nodes"][:3]
    ]


class WatchedPage:
    """One page of one user. ``complaints`` is empty as long as all is well."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self._url = url
        self._host = urlsplit(url).netloc
        self.noise: list[str] = []
        context.add_init_script(_REPORT)
        self.page: Page = context.new_page()
        self.page.set_default_timeout(30_000)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.noise.append(f"page error: {error}"))
        self.page.on("request", self._asked)

    def sign_in(self, username: str) -> None:
        """Log in by the form."""
        self.page.goto(self._url)
        self.page.get_by_label("User name").fill(username)
        self.page.get_by_label("Password").first.fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("heading", name="Overview", exact=True).wait_for()

    def open(self, heading: str) -> None:
        """Go to a screen by the menu and wait for its content."""
        path = SCREENS[heading]
        self.page.locator(f'nav a[href="{path}"]').click()
        self.settled(heading)

    def settled(self, heading: str) -> None:
        """Wait until the screen is there and nothing on it is still loading."""
        self.page.get_by_role("heading", name=heading, exact=True).wait_for()
        # the policy forbids the page to evaluate text, and so a condition that waits inside it
        expect(self.page.locator("main [aria-label=loading]")).to_have_count(0, timeout=60_000)

    def beyond(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def complaints(self) -> list[str]:
        """Return what went wrong since the page was opened."""
        violations: list[Any] = self.page.evaluate("window.violations ?? []")
        return [*self.noise, *(f"policy: {line}" for line in violations)]

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.noise.append(f"console {message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != self._host:
            self.noise.append(f"request to {request.url}")
