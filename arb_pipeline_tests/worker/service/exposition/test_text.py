"""What a scrape gets is Prometheus text, of metrics that the catalogue knows, with exact counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from streaming_worker.core.histogram import Histogram
from streaming_worker.service.exposition.text import Exposition


def samples(exposition: Exposition) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return every sample of a scrape by name and labels."""
    families = text_string_to_metric_families(exposition.text().decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def test_a_scrape_asks_every_source_anew() -> None:
    frames = {"gemini": 1}
    exposition = Exposition([lambda: [("arb_feed_frames_total", (name,), n) for name, n in frames.items()]])
    key = ("arb_feed_frames_total", frozenset({("feed", "gemini")}))
    assert samples(exposition) == {key: 1}
    frames["gemini"] = 2
    assert samples(exposition) == {key: 2}


def test_a_sample_that_the_catalogue_does_not_know_is_refused() -> None:
    with pytest.raises(KeyError, match="arb_surprise"):
        Exposition([lambda: [("arb_surprise", (), 1)]]).text()


@given(st.lists(st.integers(0, 2**36), max_size=60))
def test_a_histogram_is_cumulative_and_its_bounds_are_exact(durations: list[int]) -> None:
    histogram = Histogram()
    for elapsed_ns in durations:
        histogram.add(elapsed_ns)
    shown = samples(Exposition([], {"arb_decision_seconds": histogram}))
    for (name, labels), value in shown.items():
        if name == "arb_decision_seconds_bucket":
            bound_ns = float(dict(labels)["le"]) * 1e9
            assert value == sum(elapsed_ns < bound_ns for elapsed_ns in durations)
    assert shown["arb_decision_seconds_count", frozenset()] == len(durations)
    assert shown["arb_decision_seconds_sum", frozenset()] == pytest.approx(sum(durations) / 1e9)
