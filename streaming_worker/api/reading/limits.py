"""The engine's limits by the names and in the units that people use, and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec

from streaming_worker.api.reading.shaping import share_percent
from streaming_worker.api.schemas.base import moment
from streaming_worker.api.schemas.risk import Limit, LimitPreview
from streaming_worker.core.units import format_fixed
from streaming_worker.engine.limits import BOUNDS
from streaming_worker.engine.state import TemporaryLimit
from streaming_worker.service.live import LiveRisk


@dataclass(frozen=True, slots=True)
class LimitName:
    """One limit: ours and the engine's name, and how many digits lie between their units.

    ``is_floor``: the value must not be below it; of the others it must not be above.
    """

    name: str
    engine_name: str
    title: str
    unit: str
    digits: int
    is_looser_when_lower: bool = False
    is_floor: bool = False


NAMES: Final = (
    LimitName("max_position_usd", "max_position_usd_e8", "Largest notional of one simulated trade", "USD", 8),
    LimitName("daily_loss_usd", "daily_loss_usd_e8", "Loss of a UTC day that stops everything", "USD", 8),
    LimitName(
        "threshold_bps", "threshold_millionths", "Smallest net edge of an opportunity", "bps", 2, True, is_floor=True
    ),
    LimitName("staleness_ms", "staleness_ns", "Transport silence that pauses", "ms", 6),
    LimitName("resume_after_ms", "resume_after_ns", "Health needed before an automatic resume", "ms", 6, True),
    LimitName("cooldown_ms", "cooldown_ns", "Wait after an automatic resume", "ms", 6, True),
    LimitName("max_late_ms", "max_late_ns", "How far behind the worker itself may be", "ms", 6),
    LimitName("max_lag_ms", "max_lag_ns", "Delivery delay by the venue's clock", "ms", 6),
    LimitName(
        "min_output_tolerance_bps",
        "min_output_tolerance_millionths",
        "How far below its quote a swap may land",
        "bps",
        2,
    ),
    LimitName("max_sol_price_age_ms", "max_sol_price_age_ns", "Age of the SOL price", "ms", 6),
)
BY_NAME: Final = {one.name: one for one in NAMES}
BY_ENGINE_NAME: Final = {one.engine_name: one for one in NAMES}


@dataclass(frozen=True, slots=True)
class Use:
    """What is used of a limit, in the engine's unit, and what that is in words."""

    value: int
    what: str


def limits_now(risk: LiveRisk, uses: Mapping[str, Use]) -> list[Limit]:
    """Return every limit with what is used of it; some are conditions and have no use."""
    values = msgspec.structs.asdict(risk.limits)
    used = {"daily_loss_usd": Use(loss_e8(risk), "loss of the day"), **uses}
    temporary = {one.name: one for one in risk.temporary}
    return [
        _limit(one, values[one.engine_name], used.get(one.name), temporary.get(one.engine_name))
        for one in NAMES
        if one.engine_name in values
    ]


def _limit(one: LimitName, value: int, use: Use | None, temporary: TemporaryLimit | None) -> Limit:
    least, greatest = BOUNDS[one.engine_name]
    return Limit(
        name=one.name,
        title=one.title,
        unit=one.unit,
        value=format_fixed(value, one.digits),
        least=format_fixed(least, one.digits),
        greatest=format_fixed(greatest, one.digits),
        used=None if use is None else format_fixed(use.value, one.digits),
        used_percent=None if use is None else _used_percent(one, use.value, value),
        headroom=None if use is None else format_fixed((value - use.value) * (-1 if one.is_floor else 1), one.digits),
        used_what=None if use is None else use.what,
        expires_at=None if temporary is None else moment(temporary.expires_ns),
        becomes=None if temporary is None else format_fixed(temporary.before, one.digits),
    )


def _used_percent(one: LimitName, used: int, limit: int) -> str | None:
    """What may not be less than the limit is used up when it comes down to it."""
    return share_percent(limit, used) if one.is_floor else share_percent(used, limit)


def is_looser(risk: LiveRisk, wanted: Mapping[str, str]) -> bool:
    """Return whether any of the wanted limits, all of which are allowed, holds less back than the one in force."""
    values = msgspec.structs.asdict(risk.limits)
    return any(
        _is_looser(BY_NAME[name], engine_value(BY_NAME[name], text) or 0, values) for name, text in wanted.items()
    )


def _is_looser(one: LimitName, value: int, values: Mapping[str, int]) -> bool:
    now = values[one.engine_name]
    return value < now if one.is_looser_when_lower else value > now


def loss_e8(risk: LiveRisk) -> int:
    """Return the loss that counts against the limit of the day: realised and open, 0 for a gain."""
    return max(0, -(risk.daily_net_usd_e8 + min(0, risk.open_usd_e8)))


def engine_value(one: LimitName, text: str) -> int | None:
    """Return a value in the engine's unit, None where it does not fit exactly."""
    scaled = Decimal(text).scaleb(one.digits)
    return int(scaled) if scaled == scaled.to_integral_value() else None


def previews(risk: LiveRisk, wanted: dict[str, str]) -> list[LimitPreview]:
    """Return what each wanted limit would become, or why not."""
    values = msgspec.structs.asdict(risk.limits)
    return [_preview(name, text, values) for name, text in wanted.items()]


def _preview(name: str, text: str, values: dict[str, int]) -> LimitPreview:
    one = BY_NAME.get(name)
    if one is None:
        refusal = f"no such limit; known: {', '.join(BY_NAME)}"
        return LimitPreview(name=name, unit=None, before=None, after=text, refusal=refusal)
    before = format_fixed(values[one.engine_name], one.digits)
    return LimitPreview(name=name, unit=one.unit, before=before, after=text, refusal=_refusal(one, text))


def _refusal(one: LimitName, text: str) -> str | None:
    value = engine_value(one, text)
    if value is None:
        return f"expected at most {one.digits} digits after the point"
    least, greatest = BOUNDS[one.engine_name]
    if not least <= value <= greatest:
        return f"expected {format_fixed(least, one.digits)} to {format_fixed(greatest, one.digits)} {one.unit}"
    return None
