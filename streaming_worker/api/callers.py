"""Where a request really comes from: the peer, or what a trusted proxy says of it."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from starlette.datastructures import Headers
from starlette.types import Scope

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
_NOWHERE: Final = "0.0.0.0"  # noqa: S104 - a name for no address, never listened on


@dataclass(frozen=True, slots=True)
class Caller:
    """``ip`` as far back as it can be believed; ``is_secure``: it speaks TLS, to us or to the proxy."""

    ip: str
    is_secure: bool
    is_proxied: bool

    @property
    def is_local(self) -> bool:
        """Whether it is a program of this machine that came without a proxy."""
        return not self.is_proxied and _is_loopback(self.ip)


def caller_of(scope: Scope, trusted: Sequence[Network]) -> Caller:
    """Return who calls. Forwarded headers count only from a trusted peer, read from the right."""
    client = scope.get("client")
    peer = client[0] if client else _NOWHERE
    headers = Headers(scope=scope)
    is_secure = scope.get("scheme") in ("https", "wss")
    forwarded = [part.strip() for value in headers.getlist("x-forwarded-for") for part in value.split(",")]
    if not forwarded:
        return Caller(peer, is_secure, is_proxied=False)
    if not _is_trusted(peer, trusted):
        return Caller(peer, is_secure, is_proxied=True)
    is_secure = headers.get("x-forwarded-proto", "http").strip().lower() == "https"
    ip = peer
    for hop in reversed(forwarded):
        if not _is_address(hop):
            break
        ip = hop
        if not _is_trusted(hop, trusted):
            break
    return Caller(ip, is_secure, is_proxied=True)


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return addresses and networks as networks."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def _is_trusted(ip: str, trusted: Sequence[Network]) -> bool:
    return _is_address(ip) and any(ipaddress.ip_address(ip) in network for network in trusted)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_loopback(ip: str) -> bool:
    return _is_address(ip) and ipaddress.ip_address(ip).is_loopback
