"""How long a venue that refuses asks us to stay away: the Retry-After header in either of its forms."""

from datetime import UTC
from email.utils import parsedate_to_datetime

from streaming_worker.core.units import NANOS_PER_SECOND, Nanos


def retry_after_s(header: str | None, now_ns: Nanos) -> float | None:
    """Return the seconds from now; None without a header or for one that cannot be read.

    Source: RFC 9110, section 10.2.3: a count of seconds, or an HTTP date.
    """
    if header is None:
        return None
    text = header.strip()
    if text.isdigit() and text.isascii():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    # A date without a zone is UTC, as HTTP dates are.
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(aware.timestamp() - now_ns / NANOS_PER_SECOND, 0.0)
