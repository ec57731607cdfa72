"""The ways to the operators as they are configured, and a test of each; what is an address is never told."""

from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.alerts import AlertDesk, open_desk
from streaming_worker.alerts.channel import Channel
from streaming_worker.api.schemas.people import AlertChannel, ChannelTest
from streaming_worker.config import Config
from streaming_worker.errors import DeliveryError, RequestRefused


def channels(config: Config) -> list[AlertChannel]:
    """Return every way."""
    return [
        AlertChannel(name=one.name, kind=one.kind, is_configured=True, detail=_detail(one, config))
        for one in _desk(config).channels
    ]


def channel_test(config: Config, name: str, actor: str) -> ChannelTest:
    """Send a test message. Blocks. Raises RequestRefused for a way that is not there."""
    desk = _desk(config)
    if name not in {one.name for one in desk.channels}:
        raise RequestRefused(404, "not_found", "there is no such channel")
    try:
        desk.test_channel(name, source=f"console, {actor}")
    except DeliveryError as e:
        return ChannelTest(name=name, is_delivered=False, detail=str(e))
    return ChannelTest(name=name, is_delivered=True, detail="the message was taken")


def _desk(config: Config) -> AlertDesk:
    return open_desk(config, now=AnchoredClock().now_ns)


def _detail(channel: Channel, config: Config) -> str:
    parts = [f"from {channel.min_severity.value} on"]
    if not channel.is_quiet_at_night:
        parts.append("also in quiet hours")
    if channel.kind == "email" and config.smtp.sink:
        parts.append("kept on this machine (demo)")
    return ", ".join(parts)
