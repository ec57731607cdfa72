"""Commands on their way to the worker, each with its line in the audit log."""

import secrets
from typing import Any

import anyio.to_thread
from fastapi import Request

from streaming_worker.api.identity.principal import Principal
from streaming_worker.api.schemas.risk import ControlResult, LimitPreview
from streaming_worker.api.services import Services, act
from streaming_worker.core.events import CommandKind
from streaming_worker.core.outputs import RiskState
from streaming_worker.errors import RequestRefused
from streaming_worker.service.live import LiveRisk


async def send(
    request: Request,
    who: Principal,
    parts: Services,
    kind: CommandKind,
    reason: str,
    *,
    changes: list[LimitPreview] | None = None,
    **content: Any,
) -> ControlResult:
    """Send a command to the worker; it is in the audit log before the answer, whatever came of it.

    ``content`` is what the kind of command needs beside who and why.
    """
    command_id = f"api-{secrets.token_hex(8)}"
    changed = changes or []
    before: dict[str, object] = {"state": None if parts.view.risk is None else parts.view.risk.state.value}
    before |= {one.name: one.before for one in changed}
    body = {
        "command_id": command_id,
        "kind": kind.value,
        "actor": who.actor[:64],
        "reason": reason,
        **content,
    }
    try:
        answer = await parts.link.command(body)
    except RequestRefused:
        await note(request, who, parts, f"control.{kind.value}", reason, outcome="failed", before=before)
        raise
    state = answer.get("risk")
    after: dict[str, object] = {"state": state, "command_id": command_id, "seq": answer.get("seq")}
    after |= {one.name: one.after for one in changed}
    after |= {name: content[name] for name in ("scope", "expires_ns") if name in content}
    outcome = "done" if answer.get("seq") is not None else "sent"
    await note(request, who, parts, f"control.{kind.value}", reason, outcome=outcome, before=before, after=after)
    return ControlResult(
        command_id=command_id,
        is_confirmed=answer.get("seq") is not None,
        seq=answer.get("seq"),
        state=None if state is None else RiskState(state),
        changes=changed,
    )


async def note(
    request: Request,
    who: Principal,
    parts: Services,
    action: str,
    reason: str | None,
    *,
    outcome: str,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
    target: str = "worker",
) -> None:
    entry = act(request, who, action, reason=reason, outcome=outcome, before=before, after=after, target=target)
    await anyio.to_thread.run_sync(parts.audit.append, entry)


def live_risk(parts: Services) -> LiveRisk:
    """Return the risk state. Raises RequestRefused while the worker does not answer."""
    if not parts.view.is_up or parts.view.risk is None:
        raise RequestRefused(503, "worker_down", "the worker does not answer; its limits are not known")
    return parts.view.risk
