"""Lines of the fee schedule that were added while the platform runs: a file of its own beside the state.

Every program reads it when it starts, after profile, file and environment. A line takes the place of a configured one
for the same venue, pair and day; it never changes what was recorded, since each run keeps its own schedule.
"""

import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streaming_worker.config.build import taker_fee
from streaming_worker.config.document import Row, table_of
from streaming_worker.core.fees import TakerFee
from streaming_worker.core.units import Nanos

FILE_NAME: Final = "fees.toml"
_HEAD: Final = "# Written by the API; who changed what and why is in its audit log.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedFee:
    """One line as people write it. ``symbol`` None means every pair of the venue; ``valid_from`` is a UTC day."""

    venue: str
    symbol: str | None
    taker_percent: str
    valid_from: str
    source: str

    @property
    def key(self) -> tuple[str, str | None, str]:
        """What it is for; there is one line for each."""
        return self.venue, self.symbol, self.valid_from


def added_rows(state: Path) -> list[Row]:
    """Return what stands in the file, nothing where there is none. Raises ConfigError."""
    path = state / FILE_NAME
    return table_of("fees", path) if path.exists() else []


def added_fees(state: Path) -> list[AddedFee]:
    """Return the lines of the file as people write them. Raises ConfigError."""
    return [
        AddedFee(
            venue=str(row["venue"]),
            symbol=None if row["symbol"] is None else str(row["symbol"]),
            taker_percent=_percent(row["taker_percent"]),
            valid_from=str(row["valid_from"]),
            source=str(row["source"]),
        )
        for row in added_rows(state)
    ]


def added_taker_fees(state: Path) -> list[TakerFee]:
    """Return the lines of the file as the engine takes them. Raises ConfigError."""
    return [taker_fee(row) for row in added_rows(state)]


def changed_ns(state: Path) -> Nanos | None:
    """Return when the file was written last, None where there is none."""
    path = state / FILE_NAME
    return path.stat().st_mtime_ns if path.exists() else None


def write_fees(state: Path, lines: Iterable[AddedFee]) -> None:
    """Replace the file in one step, so that a program that starts reads the old lines or the new ones."""
    text = _HEAD + "".join(_table(line) for line in lines)
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=state, prefix=".fees-", suffix=".new")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(state / FILE_NAME)


def _table(line: AddedFee) -> str:
    # a JSON string of printable characters, none of them escaped by number, is a TOML string
    values = {name: getattr(line, name) for name in AddedFee.__dataclass_fields__}
    shown = [
        f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items() if value is not None
    ]
    return "\n[[fees]]\n" + "".join(shown)


def _percent(millionths: object) -> str:
    assert isinstance(millionths, int)
    whole, part = divmod(millionths, 10_000)
    return f"{whole}.{part:04d}".rstrip("0").rstrip(".")
