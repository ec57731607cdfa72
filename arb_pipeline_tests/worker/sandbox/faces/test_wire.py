"""Numbers and times in every shape that the venues use."""

import pytest

from streaming_worker.sandbox.faces.wire import padded, rfc3339, split_target, trimmed, with_point


@pytest.mark.parametrize(
    ("value", "decimals", "short", "pointed", "wide"),
    [
        (7712, 2, "77.12", "77.12", "77.12000"),
        (7710, 2, "77.1", "77.1", "77.10000"),
        (7700, 2, "77", "77.0", "77.00000"),
        (0, 2, "0", "0.0", "0.00000"),
        (5, 2, "0.05", "0.05", "0.05000"),
    ],
)
def test_decimals_are_exact_in_each_style(value: int, decimals: int, short: str, pointed: str, wide: str) -> None:
    assert trimmed(value, decimals) == short
    assert with_point(value, decimals) == pointed
    assert padded(value, decimals, decimals + 3) == wide


@pytest.mark.parametrize(
    ("ns", "digits", "text"),
    [
        (1_786_309_548_228_568_804, 9, "2026-08-09T21:05:48.228568804Z"),
        (1_786_309_548_409_935_310, 9, "2026-08-09T21:05:48.40993531Z"),
        (1_786_309_548_000_000_000, 9, "2026-08-09T21:05:48Z"),
        (1_786_309_548_170_326_999, 6, "2026-08-09T21:05:48.170326Z"),
        (1_786_309_548_000_000_999, 6, "2026-08-09T21:05:48Z"),
    ],
)
def test_times_lose_trailing_zeros_and_are_cut_not_rounded(ns: int, digits: int, text: str) -> None:
    assert rfc3339(ns, digits=digits) == text


def test_a_target_is_split_into_path_and_query() -> None:
    assert split_target("/v1/book/solusd?limit_bids=0&limit_asks=5") == (
        "/v1/book/solusd",
        {"limit_bids": "0", "limit_asks": "5"},
    )
