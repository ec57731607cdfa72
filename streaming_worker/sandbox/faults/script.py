"""A list of faults from a file: TOML or JSON, each fault with its time from the start.

seed = 7
repeat_ms = 60000          # optional: begin again after a minute

[[faults]]
kind = "drop"
venue = "coinbase"
at_ms = 5000
duration_ms = 300
percent = 50
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from streaming_worker.core.units import NANOS_PER_MILLISECOND
from streaming_worker.errors import ConfigError
from streaming_worker.sandbox.faults.spec import FaultSpec, complaint


class FaultScript(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Faults in time; ``repeat_ms`` begins again from the first one after so long."""

    seed: int = 1
    repeat_ms: int | None = None
    faults: tuple[FaultSpec, ...] = ()

    def timeline(self, start_ns: int) -> Iterator[tuple[int, FaultSpec]]:
        """Yield each fault with the moment at which it begins, in order; without end when it repeats."""
        ordered = sorted(self.faults, key=lambda spec: spec.at_ms)
        while ordered:
            for spec in ordered:
                yield start_ns + spec.at_ms * NANOS_PER_MILLISECOND, spec
            if self.repeat_ms is None:
                return
            start_ns += self.repeat_ms * NANOS_PER_MILLISECOND


def load_script(path: Path, venues: frozenset[str]) -> FaultScript:
    """Read a script. Raises ConfigError that names the file, the fault and what is allowed."""
    try:
        content = path.read_bytes()
        raw = tomllib.loads(content.decode()) if path.suffix == ".toml" else msgspec.json.decode(content)
        script = msgspec.convert(raw, FaultScript)
    except (OSError, ValueError, msgspec.MsgspecError) as e:
        raise ConfigError(f"expected a script of faults at {path}, received {e}", key="faults") from e
    for number, spec in enumerate(script.faults, start=1):
        problem = complaint(spec, venues)
        if problem is not None:
            raise ConfigError(f"{path}, fault {number}: expected that {problem}", key="faults")
    if script.repeat_ms is not None and script.repeat_ms <= max((s.at_ms for s in script.faults), default=0):
        raise ConfigError(f"{path}: expected repeat_ms above every at_ms, received {script.repeat_ms}", key="faults")
    return script
