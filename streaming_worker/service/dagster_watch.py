"""Watch Dagster from outside: it cannot report its own death, so the worker does, and sends what waits to be sent.

The sign of life is the file that Dagster's own sensor rewrites. Its web interface is asked only what to say: which
daemon or code location it believes dead. Nothing here touches the capture: it runs in a thread, with time limits.
"""

import asyncio
from pathlib import Path
from typing import Any, Final, NoReturn

import httpx
import msgspec
import structlog

from streaming_worker.adapters.clock import Clock
from streaming_worker.alerts import Alert, AlertDesk, Severity
from streaming_worker.alerts.heartbeat import read_heartbeat
from streaming_worker.alerts.message import length
from streaming_worker.core.units import NANOS_PER_SECOND, Nanos
from streaming_worker.errors import StorageError

_LOG: Final = structlog.get_logger("dagster_watch")
INTERVAL_S: Final = 10.0
# Six ticks of the sensor; a start of everything takes less than a minute.
SILENT_AFTER_NS: Final = 180 * NANOS_PER_SECOND
_TIMEOUT_S: Final = 5.0
_QUERY: Final = """
{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
  workspaceOrError { __typename ... on Workspace { locationEntries {
    name locationOrLoadError { __typename ... on PythonError { message } } } } } }
"""


class DagsterWatch:
    """Looks at the sign of life, raises and resolves one alert, and sends what is due."""

    def __init__(
        self, desk: AlertDesk, state: Path, url: str, clock: Clock, *, silent_after_ns: Nanos = SILENT_AFTER_NS
    ) -> None:
        self._desk = desk
        self._state = state
        self._url = url
        self._clock = clock
        self._silent_after_ns = silent_after_ns
        self._began_ns = clock.now_ns()
        self._trouble: str | None = None

    async def run(self, interval_s: float = INTERVAL_S) -> NoReturn:
        """Look until cancelled. A file of alerts that cannot be written is logged once and tried again."""
        while True:
            trouble = await asyncio.to_thread(self._look_safely)
            if trouble is not None and self._trouble is None:
                _LOG.error("alerts_not_kept", error=trouble)
            self._trouble = trouble
            await self._clock.sleep(interval_s)

    def look(self) -> None:
        """Judge once and send what is due. Blocks. Raises StorageError."""
        now_ns = self._clock.now_ns()
        beat_ns = read_heartbeat(self._state)
        last_ns = max(beat_ns or 0, self._began_ns)
        if now_ns - last_ns >= self._silent_after_ns:
            self._desk.raise_alert(self._alert(beat_ns, now_ns))
        elif beat_ns is not None and now_ns - beat_ns < self._silent_after_ns:
            self._desk.resolve(_KEY, "its sensors tick again")
        outcome = self._desk.send_due()
        for refusal in outcome.refusals:
            _LOG.warning("alert_not_taken", error=refusal)

    def _look_safely(self) -> str | None:
        try:
            self.look()
        except StorageError as e:
            return str(e)
        return None

    def _alert(self, beat_ns: Nanos | None, now_ns: Nanos) -> Alert:
        age = "it never gave one" if beat_ns is None else f"the last is {length(now_ns - beat_ns)} old"
        return Alert(
            kind="dagster_silent",
            subject="dagster",
            title="Dagster does nothing any more",
            detail=f"Its sensors give no sign of life: {age}. Capture goes on; hours, checks, reports and alerts "
            f"of the pipeline wait.\n{self._diagnosis()}",
            severity=Severity.CRITICAL,
            source="worker",
            context={"Dagster": self._url},
        )

    def _diagnosis(self) -> str:
        """Say what the web interface believes; it is only asked when something is wrong."""
        try:
            answer = httpx.post(f"{self._url}/graphql", json={"query": _QUERY}, timeout=_TIMEOUT_S, trust_env=False)
            return _words(msgspec.json.decode(answer.content)["data"])
        except (httpx.HTTPError, msgspec.DecodeError, KeyError, TypeError) as e:
            return f"Its web interface does not answer either ({type(e).__name__})."


_KEY: Final = "dagster_silent:dagster"


def _words(data: dict[str, Any]) -> str:
    statuses = data["instance"]["daemonHealth"]["allDaemonStatuses"]
    dead = [str(row["daemonType"]).lower() for row in statuses if row["required"] and not row["healthy"]]
    broken = [
        str(entry["name"])
        for entry in data["workspaceOrError"].get("locationEntries", [])
        if (entry["locationOrLoadError"] or {}).get("__typename") == "PythonError"
    ]
    parts = [f"Daemons that do not report: {', '.join(dead)}."] if dead else []
    parts += [f"Code locations that do not load: {', '.join(broken)}."] if broken else []
    return " ".join(parts) or "Its web interface answers and knows of nothing: the daemon has just stopped, or hangs."
