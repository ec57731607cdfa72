"""The engine's limits by the names and in the units that people use, and back."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec

from streaming_worker.api.reading.shaping import share_percent
from streaming_worker.api.schemas.risk import Limit, LimitPreview
from streaming_worker.core.units import format_fixed
from streaming_worker.engine.limits import BOUNDS
from streaming_worker.service.live import LiveRisk


@dataclass(frozen=True, slots=True)
class LimitName:
    """One limit: ours and the engine's name, and how many digits lie between their units."""

    name: str
    engine_name: str
    title: str
    unit: str
    digits: int


NAMES: Final = (
    LimitName("max_position_usd", "max_position_usd_e8", "Largest notional of one simulated trade", "USD", 8),
    LimitName("daily_loss_usd", "daily_loss_usd_e8", "Loss of a UTC day that stops everything", "USD", 8),
    LimitName("threshold_bps", "threshold_millionths", "Smallest net edge of an opportunity", "bps", 2),
    LimitName("staleness_ms", "staleness_ns", "Transport silence that pauses", "ms", 6),
    LimitName("resume_after_ms", "resume_after_ns", "Health needed before an automatic resume", "ms", 6),
    LimitName("cooldown_ms", "cooldown_ns", "Wait after an automatic resume", "ms", 6),
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


def limits_now(risk: LiveRisk) -> list[Limit]:
    """Return every limit with what is used of it; most are conditions and have no use."""
    values = msgspec.structs.asdict(risk.limits)
    return [_limit(one, values[one.engine_name], risk) for one in NAMES if one.engine_name in values]


def _limit(one: LimitName, value: int, risk: LiveRisk) -> Limit:
    least, greatest = BOUNDS[one.engine_name]
    used = loss_e8(risk) if one.name == "daily_loss_usd" else None
    return Limit(
        name=one.name,
        title=one.title,
        unit=one.unit,
        value=format_fixed(value, one.digits),
        least=format_fixed(least, one.digits),
        greatest=format_fixed(greatest, one.digits),
        used=None if used is None else format_fixed(used, one.digits),
        used_percent=None if used is None else share_percent(used, value),
    )


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
