"""Traces over real sockets: a command's trace goes on through gateway, engine and record; frames are sampled."""

import itertools
from collections.abc import Callable
from dataclasses import replace

from arb_pipeline_tests.fixtures.trace_collector import open_collector
from arb_pipeline_tests.worker.app.test_worker import venues, worker
from streaming_worker.adapters.tracing import Tracing
from streaming_worker.config import Config, TracingConfig

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
COMMAND = {"command_id": "trace-1", "kind": "pause", "actor": "ann", "reason": "a look"}


async def test_a_command_is_traced_from_its_sender_to_the_commit_and_frames_now_and_then(
    config: Config, with_feeds: Callable[..., Config]
) -> None:
    with open_collector() as collector:
        traced = replace(config, tracing=TracingConfig(endpoint=collector.endpoint, every_seconds=1))
        async with venues(traced, with_feeds) as (_, at_venues), worker(at_venues) as running:
            await running.until("/ready", lambda answer: answer["is_ready"], "readiness")
            headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
            answer = (await running.client.post("/command", json=COMMAND, headers=headers)).json()
            await running.until(
                "/health",
                lambda health: health["sink"]["acknowledged_seq"] > answer["seq"] and health["events"] > 100,
                "the command is durable, and more",
            )
        spans = {span.name: span for span in collector.of_trace(TRACE)}
        assert set(spans) == {"gateway command", "frame to commit", "decide", "commit"}
        gateway, whole, decide, commit = (
            spans[name] for name in ("gateway command", "frame to commit", "decide", "commit")
        )
        assert gateway.parent_span_id.hex() == CALLER
        assert whole.parent_span_id == gateway.span_id
        assert decide.parent_span_id == commit.parent_span_id == whole.span_id
        assert decide.start_time_unix_nano <= decide.end_time_unix_nano == commit.start_time_unix_nano
        assert commit.end_time_unix_nano == whole.end_time_unix_nano
        numbers = {one.key: one.value for one in whole.attributes}
        assert (numbers["arb.seq"].int_value, numbers["arb.event"].string_value) == (answer["seq"], "OperatorCommand")
        frames = [span for span in collector.named("frame to commit") if span.trace_id.hex() != TRACE]
        starts = sorted(span.start_time_unix_nano for span in frames)
        assert frames
        assert all(later - earlier >= 10**9 for earlier, later in itertools.pairwise(starts))
        assert collector.services() == {"arb-worker"}


def test_without_an_address_nothing_is_exported_and_spans_cost_nothing() -> None:
    tracing = Tracing(None, "worker")
    with tracing.tracer("any").start_as_current_span("nothing") as span:
        assert not span.is_recording()
    assert not tracing.is_on
    tracing.close()


def test_an_address_with_a_key_is_not_shown() -> None:
    assert "SECRET" not in repr(TracingConfig(endpoint="https://collector.example/?key=SECRET", every_seconds=1))
