"""Retake the pictures of Dagster and of the report: ``python -m arb_pipeline_tests.e2e.pictures [FOLDER]``.

A demo of its own on free ports and in a folder of its own runs until its first report has arrived as a mail; then
chromium looks at the lineage, at a group of it, at a partition, at a check with what it found, and at the mail, at a
desk and on a phone. Needs chromium on PATH. Look at each picture before it is kept.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

from arb_pipeline.clock import now_ns
from arb_pipeline.hours import Hour
from arb_pipeline_tests.e2e.conftest import open_browser
from arb_pipeline_tests.e2e.running_platform import REPOSITORY, until
from arb_pipeline_tests.fixtures.free_ports import free_base
from streaming_worker.operations.ports import ports_from_base

_READY_S: Final = 900.0
_SETTLED_MS: Final = 9_000
_LOADED_S: Final = 60.0
_DAGSTER: Final = {
    "asset-lineage": "/asset-groups",
    "asset-graph": "/locations/arb_pipeline/asset-groups/analyse",
    "asset-partitions": "/assets/reconciled_opportunities?view=partitions&partition={hour}",
    "asset-check": "/assets/reconciled_opportunities?view=checks&checkDetail=live_equals_replay",
}
# Of the whole lineage only the part where its groups are, twice as large.
_LINEAGE_CLIP: Final[FloatRect] = {"x": 550, "y": 360, "width": 1140, "height": 320}
_MAIL_WIDTHS: Final = {"report-mail": 1280, "report-mail-phone": 390}
_LONGEST: Final = 2_400


@contextmanager
def demo(folder: Path) -> Iterator[dict[str, str]]:
    """Run a demo until its first report is there; yield its environment."""
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ARB_")},
        **ports_from_base(free_base()),
        "ARB_DATA_DIR": str(folder / "data"),
    }
    # With cycles, so that the report has something to say about them too.
    example = str(REPOSITORY / "docs" / "examples" / "cycles.toml")
    command = [sys.executable, "-m", "streaming_worker", "up", "--profile", "demo", "--config", example]
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environ, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            until(lambda: mails(folder), "the report as a mail", bound_s=_READY_S)
            yield environ
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()


def mails(folder: Path) -> list[Path]:
    """Return the reports that have arrived."""
    arrived = sorted((folder / "data" / "state" / "mail").glob("*.eml"))
    return [path for path in arrived if b"Arbitrage report" in path.read_bytes()[:4_000]]


def page_of(mail: Path) -> str:
    """Return a mail's HTML with its pictures inside."""
    message = BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(mail.read_bytes())
    (html,) = (part.get_content() for part in message.walk() if part.get_content_type() == "text/html")
    for part in message.walk():
        name = part.get("Content-ID")
        if name is not None:
            picture = b64encode(part.get_payload(decode=True)).decode()  # type: ignore[arg-type]  # bytes, decoded
            html = html.replace(f"cid:{name.strip('<>')}", f"data:{part.get_content_type()};base64,{picture}")
    return str(html)


def take(browser: Browser, folder: Path, environ: dict[str, str], target: Path) -> None:
    """Take every picture."""
    url = f"http://127.0.0.1:{environ['ARB_PORT_DAGSTER']}"
    hour = Hour.of(now_ns()).shifted(-1).key
    for name, address in _DAGSTER.items():
        clip = _LINEAGE_CLIP if name == "asset-lineage" else None
        page = browser.new_page(viewport={"width": 1700, "height": 1000}, device_scale_factor=2 if clip else 1)
        page.goto(f"{url}{address.format(hour=hour)}", wait_until="load")
        page.wait_for_timeout(_SETTLED_MS)
        until(lambda page=page: page.get_by_text("Loading").count() == 0, "what the page shows", bound_s=_LOADED_S)
        page.screenshot(path=target / f"{name}.png", clip=clip)
        page.close()
    kept = folder / "mail.html"
    kept.write_text(page_of(mails(folder)[0]), encoding="utf-8")
    for name, width in _MAIL_WIDTHS.items():
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.goto(kept.as_uri())
        page.screenshot(path=target / f"{name}.png", clip=_upper_part(page, width))
        page.close()


def _upper_part(page: Page, width: int) -> FloatRect:
    """Return what a reader sees without scrolling for long."""
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": min(height, _LONGEST)})
    return {"x": 0, "y": 0, "width": width, "height": min(height, _LONGEST)}


def main(arguments: list[str]) -> None:
    """Retake all pictures."""
    target = Path(arguments[0]) if arguments else REPOSITORY / "docs" / "images"
    if shutil.which("chromium") is None:
        sys.exit("needs chromium on PATH")
    with (
        tempfile.TemporaryDirectory(prefix="arb-pictures-") as folder,
        demo(Path(folder)) as environ,
        sync_playwright() as playwright,
    ):
        browser = open_browser(playwright)
        take(browser, Path(folder), environ, target)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
