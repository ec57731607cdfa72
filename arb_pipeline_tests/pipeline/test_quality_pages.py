"""The pages about data quality say what the checks found, load nothing from elsewhere, and are linked."""

import re
from pathlib import Path

import great_expectations.expectations as gxe
import pandas as pd
import pytest

from arb_pipeline.expectations import Suite, write_pages
from arb_pipeline_tests.fixtures.platform import Evening


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages about one suite that fails and one without rows."""
    frame = pd.DataFrame({"spread of gemini": [1.0, 2.0, 30.0]})
    suite = Suite("spreads", frame, [gxe.ExpectColumnMaxToBeBetween(column="spread of gemini", max_value=3)])
    folder = tmp_path_factory.mktemp("published") / "quality"
    folder.mkdir()
    (folder / "old.html").write_text("what was there before")
    return write_pages([suite, Suite("nothing", frame.iloc[:0], [])], folder)


def texts(index: Path) -> str:
    """Return the text of every page."""
    return "\n".join(page.read_text(encoding="utf-8") for page in sorted(index.parent.rglob("*.html")))


def test_a_page_shows_the_expectation_and_what_was_seen(pages: Path) -> None:
    text = texts(pages)
    assert "spreads" in text
    assert "spread of gemini" in text
    assert re.search(r">\s*30", text)


def test_pages_are_replaced_as_a_whole(pages: Path) -> None:
    assert not (pages.parent / "old.html").exists()
    assert not list(pages.parent.parent.glob(".*.new"))


def test_pages_load_nothing_from_elsewhere(pages: Path) -> None:
    assert not re.search(r"(?:src|href)=['\"]?https?://[^>]*\.(?:js|css|png)", texts(pages))
    assert not re.search(r"<(?:script|link|img)[^>]*https?://", texts(pages))


def test_the_evenings_pages_stand_beside_the_published_file_and_are_linked(evening: Evening) -> None:
    (made,) = evening.hours.asset_materializations_for_node("quality_pages")
    index = evening.platform.settings.published.parent / "quality" / "index.html"
    assert index.is_file()
    assert made.metadata["pages"].value == index.as_uri()
    assert made.metadata["hours"].value == 3
    assert made.metadata["expectations"].value > 15
