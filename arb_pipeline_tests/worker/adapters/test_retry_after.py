"""Retry-After: seconds, a date, or nothing that can be used."""

import pytest

from streaming_worker.adapters.retry_after import retry_after_s

NOW_NS = 1_790_000_000 * 10**9  # Mon, 21 Sep 2026 14:13:20 GMT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("\u0663", None),
        ("Mon, 99 Sep 2026 14:13:20 GMT", None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("Mon, 21 Sep 2026 14:13:50 GMT", 30.0),
        ("Mon, 21 Sep 2026 14:13:50", 30.0),
        ("Mon, 21 Sep 2026 14:13:10 GMT", 0.0),
    ],
)
def test_both_forms_are_read_and_nothing_else(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, NOW_NS) == seconds
