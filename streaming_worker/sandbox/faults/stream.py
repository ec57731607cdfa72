"""What travels from a session to a socket while faults are at work, and how a numbering venue's numbers come out.

A fault that takes a frame away unnoticed, or adds one, must not leave a hole: Coinbase counts every frame of a
connection. Such faults mark what they do; the marks end here and become numbers.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from streaming_worker.sandbox.faces.session import Hangup
from streaming_worker.sandbox.hub import Stall, Wire

_NUMBER: Final = re.compile(rb'("sequence_num":)(\d+)')
_HEAD: Final = 400
NUMBERING_VENUE: Final = "coinbase"


@dataclass(frozen=True, slots=True)
class Inserted:
    """A frame out of its turn: it takes the number after the last one. None: the number is taken, nothing is sent."""

    frame: bytes | None


@dataclass(frozen=True, slots=True)
class Gone:
    """A frame was taken away so that nobody can tell: the numbers behind it close up."""


Item: TypeAlias = bytes | Inserted | Gone | Hangup | Stall


def frame_of(item: Item) -> bytes | None:
    """Return the text of an item that has one."""
    if isinstance(item, bytes):
        return item
    return item.frame if isinstance(item, Inserted) else None


def replaced(item: Item, frames: Sequence[bytes]) -> list[Item]:
    """Return ``frames`` in the place of ``item``, the first with its standing."""
    if isinstance(item, bytes):
        return list(frames)
    return [Inserted(frames[0] if frames else None), *frames[1:]]


class Plain:
    """A venue without numbers: frames go out as they are."""

    def send(self, items: Sequence[Item]) -> list[Wire]:
        """Return what is really sent."""
        wires: list[Wire] = []
        for item in items:
            if isinstance(item, Inserted):
                wires += [] if item.frame is None else [item.frame]
            elif not isinstance(item, Gone):
                wires.append(item)
        return wires


class Numbered:
    """A venue that numbers its frames: what was added or taken away unnoticed shifts the numbers behind it."""

    def __init__(self) -> None:
        self._shift = 0
        self._last = -1

    def send(self, items: Sequence[Item]) -> list[Wire]:
        """Return what is really sent."""
        wires: list[Wire] = []
        for item in items:
            if isinstance(item, bytes):
                wires.append(self._in_turn(item))
            elif isinstance(item, Inserted):
                self._shift += 1
                self._last += 1
                wires += [] if item.frame is None else [_numbered(item.frame, self._last)]
            elif isinstance(item, Gone):
                self._shift -= 1
            else:
                wires.append(item)
        return wires

    def _in_turn(self, frame: bytes) -> bytes:
        found = _NUMBER.search(frame, 0, _HEAD)
        if found is None:
            return frame
        self._last = int(found[2]) + self._shift
        return _numbered(frame, self._last) if self._shift else frame


def _numbered(frame: bytes, number: int) -> bytes:
    return _NUMBER.sub(rb"\g<1>%d" % number, frame, count=1)
