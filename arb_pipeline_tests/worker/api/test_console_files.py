"""The built console as it is served: compressed for those who take it, small at first sight, front page for screens."""

import gzip
import re
from pathlib import Path
from typing import Final

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from streaming_worker.api.console_files import ConsoleFiles
from streaming_worker.operations.console import console_dist

_FIRST_LOAD_MOST: Final = 300_000
_SCRIPT: Final = "console.log('a console');" * 100


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A built console: one page, one script with its compressed copy, one picture without."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>page")
    (tmp_path / "assets/app.js").write_text(_SCRIPT)
    (tmp_path / "assets/app.js.gz").write_bytes(gzip.compress(_SCRIPT.encode()))
    (tmp_path / "assets/sign.svg").write_text("<svg/>")
    return tmp_path


async def _got(folder: Path, path: str, accepted: str, **headers: str) -> httpx.Response:
    files = ConsoleFiles(folder)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await files(scope, receive, send)

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
        return await client.get(path, headers={"accept-encoding": accepted, **headers})


async def test_who_takes_gzip_gets_the_compressed_copy(built: Path) -> None:
    packed = await _got(built, "/assets/app.js", "gzip, br")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["content-type"].startswith("text/javascript")
    assert int(packed.headers["content-length"]) < len(_SCRIPT) / 10
    assert packed.text == _SCRIPT
    assert "immutable" in packed.headers["cache-control"]
    plain = await _got(built, "/assets/app.js", "identity")
    assert "content-encoding" not in plain.headers
    assert plain.text == _SCRIPT
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert packed.headers["etag"] != plain.headers["etag"]
    known = await _got(built, "/assets/app.js", "gzip", **{"if-none-match": packed.headers["etag"]})
    assert known.status_code == 304


async def test_what_has_no_copy_is_served_as_it_is(built: Path) -> None:
    sign = await _got(built, "/assets/sign.svg", "gzip")
    assert "content-encoding" not in sign.headers
    assert sign.text == "<svg/>"
    assert (await _got(built, "/assets/none.js", "gzip")).status_code == 404
    screen = await _got(built, "/trades", "gzip")
    assert (screen.text, screen.headers["cache-control"]) == ("<!doctype html>page", "no-cache")


def test_the_first_load_is_small() -> None:
    dist = console_dist()
    if dist is None:
        pytest.fail("the console is not built: make console")
    page = (dist / "index.html").read_text()
    named = [dist / name.lstrip("/") for name in re.findall(r'(?:src|href)="(/[^"]+)"', page)]
    assert any(path.suffix == ".js" for path in named)
    assert any(path.suffix == ".css" for path in named)
    # and the overview, which is the first screen, with what it needs
    first = {*named, *dist.glob("assets/Overview-*.js"), *_needed(dist, "Overview")}
    packed = [path.with_name(f"{path.name}.gz") for path in first]
    assert sum(path.stat().st_size for path in packed) < _FIRST_LOAD_MOST


def _needed(dist: Path, screen: str) -> set[Path]:
    [script] = dist.glob(f"assets/{screen}-*.js")
    return {script.parent / name for name in re.findall(r'from"\./([^"]+\.js)"', script.read_text())}
