"""Units and fixed point: the only place where decimal text becomes an integer and back.

Prices and sizes are integers scaled by 1e8 (``_e8``). A value that does not fit exactly
is refused, never rounded.
"""

from typing import Final, TypeAlias

from streaming_worker.errors import FeedFormatError

Nanos: TypeAlias = int
Bps: TypeAlias = int
Lamports: TypeAlias = int

E8: Final = 100_000_000
E8_DIGITS: Final = 8
BPS: Final = 10_000
MILLIONTHS: Final = 1_000_000
LAMPORTS_PER_SOL: Final = 1_000_000_000
NANOS_PER_SECOND: Final = 1_000_000_000
NANOS_PER_MILLISECOND: Final = 1_000_000
NANOS_PER_MICROSECOND: Final = 1_000
NANOS_PER_HOUR: Final = 3_600 * NANOS_PER_SECOND
NANOS_PER_DAY: Final = 24 * NANOS_PER_HOUR
TICK_NS: Final = 100 * NANOS_PER_MILLISECOND
I64_MAX: Final = 2**63 - 1

_MOST_DIGITS: Final = 100  # int() refuses texts of thousands of digits with an error of its own
_PAD: Final[tuple[int, ...]] = tuple(10 ** (E8_DIGITS - digits) for digits in range(E8_DIGITS + 1))


def parse_e8(text: str) -> int:
    """Return a plain unsigned decimal as an integer scaled by 1e8.

    Units:  "65083.66" gives 6508366000000.
    Rounds: never; more than eight significant fraction digits are refused.
    Raises: FeedFormatError for signs, exponents, spaces, empty text and values beyond int64.
    """
    whole, _, fraction = text.partition(".")
    if len(fraction) > E8_DIGITS:
        fraction = fraction.rstrip("0")
    digits = whole + fraction
    if digits.isdigit() and digits.isascii() and len(fraction) <= E8_DIGITS and len(whole) <= _MOST_DIGITS:
        value = int(digits) * _PAD[len(fraction)]
        if value <= I64_MAX:
            return value
        raise FeedFormatError(f"expected a value below 9.2e10, received {text[:40]!r}")
    raise FeedFormatError(f"expected a plain decimal with at most 8 fraction digits, received {text[:40]!r}")


def parse_fixed(text: str, digits: int) -> int:
    """Return a plain unsigned decimal as an integer scaled by 10^digits, for instruments finer than 1e-8.

    Rounds: never. Raises: FeedFormatError as parse_e8, from which only the place of the point differs.
    """
    whole, _, fraction = text.partition(".")
    shift = digits - E8_DIGITS
    if shift == 0 or not whole + fraction:
        return parse_e8(text)
    return parse_e8(f"{whole}{fraction[:shift].ljust(shift, '0')}.{fraction[shift:]}")


def format_e8(value_e8: int) -> str:
    """Return the exact decimal text of a scaled integer, without trailing zeros."""
    return format_fixed(value_e8, E8_DIGITS)


def format_fixed(value: int, digits: int) -> str:
    """Return the exact decimal text of an integer scaled by 10^digits, without trailing zeros."""
    sign = "-" if value < 0 else ""
    whole, fraction = divmod(abs(value), 10**digits)
    if fraction == 0:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{fraction:0{digits}d}".rstrip("0")


def ceil_div(numerator: int, denominator: int) -> int:
    """Divide and round towards plus infinity; the denominator is positive."""
    return -(-numerator // denominator)


def notional_e8_floor(price_e8: int, size_e8: int) -> int:
    """Return price times size, scaled by 1e8, rounded down: what a seller receives."""
    return price_e8 * size_e8 // E8


def notional_e8_ceil(price_e8: int, size_e8: int) -> int:
    """Return price times size, scaled by 1e8, rounded up: what a buyer pays."""
    return ceil_div(price_e8 * size_e8, E8)
