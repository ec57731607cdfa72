"""When a feed is not to be believed although its frames came: old by the venue's own clock, silent, or crossed.

Conditions select the rows of ``feed_quality`` that break a rule; each rule's name is what an operator reads.
"""

from typing import Final

_OF_A_BOOK: Final = "market IS NOT NULL AND clock_offset_ns IS NOT NULL"

FRESH_RULES: Final[dict[str, str]] = {
    "half of the messages are at most 1 s old by the venue's clock": "delay_p50_ns > 1000000000",
    "99 of 100 messages are at most 10 s old by the venue's clock": "delay_p99_ns > 10000000000",
    # Healthy books were silent for 28 to 49 s.
    "a book is not silent for five minutes outside gaps": (
        f"{_OF_A_BOOK} AND longest_silence_ns - gap_ns - downtime_ns > 300000000000"
    ),
}
# Venue clocks were seen 1.3 s ahead to 6 s behind.
CLOCK_RULES: Final[dict[str, str]] = {
    "a venue's clock is at most 5 s ahead of ours": f"{_OF_A_BOOK} AND clock_offset_ns < -5000000000",
    "a venue's clock is at most 10 s behind ours": f"{_OF_A_BOOK} AND clock_offset_ns > 10000000000",
}
CROSSED_RULES: Final[dict[str, str]] = {
    "a book is crossed for at most 1 % of the hour": "market IS NOT NULL AND crossed_ns > 36000000000",
}
