"""Wrong accounts and wrong subscription ids in a node's messages.

Offsets are those of the Whirlpool account, 653 bytes. Source: orca-so/whirlpools programs/whirlpool/src/state.
"""

import random
import re
from base64 import b64decode, b64encode
from typing import Final

from streaming_worker.sandbox.faults.spec import Lie

_DATA: Final = re.compile(rb'"data":\["([A-Za-z0-9+/]+=*)","base64"\]')
_OWNER: Final = re.compile(rb'("owner":")([1-9A-HJ-NP-Za-km-z]+)"')
_SUBSCRIPTION: Final = re.compile(rb'("subscription":)(\d+)')
_POOL_BYTES: Final = 653
_LIQUIDITY: Final = slice(49, 65)
_SQRT_PRICE: Final = slice(65, 81)
_SOMEBODY: Final = b"11111111111111111111111111111111"
_UNKNOWN_ID: Final = 1_000_000


def with_wrong_account(frame: bytes, lie: Lie, rng: random.Random) -> bytes | None:
    """Return the message with one account changed wherever it stands; None when none serves."""
    texts = sorted({found[1] for found in _DATA.finditer(frame)})
    if lie is not Lie.MALFORMED:
        texts = [text for text in texts if len(b64decode(text)) == _POOL_BYTES]
    if not texts:
        return None
    text = rng.choice(texts)
    data = b64decode(text)
    match lie:
        case Lie.MALFORMED:
            return _spoilt(frame, text, data, rng)
        case Lie.INCONSISTENT:
            data = _scaled(data, _SQRT_PRICE, percent=101)
        case Lie.PLAUSIBLE:
            data = _scaled(data, _LIQUIDITY, percent=90)
    return frame.replace(text, b64encode(data))


def with_other_subscription(frame: bytes, lie: Lie, known: set[int], rng: random.Random) -> bytes | None:
    """Return the notification under an id that nobody has, or under that of another subscription."""
    found = _SUBSCRIPTION.search(frame)
    if found is None:
        return None
    own = int(found[2])
    known.add(own)
    others = sorted(known - {own})
    if lie is not Lie.MALFORMED and not others:
        return None
    other = own + _UNKNOWN_ID if lie is Lie.MALFORMED else rng.choice(others)
    return _SUBSCRIPTION.sub(rb"\g<1>%d" % other, frame, count=1)


def _spoilt(frame: bytes, text: bytes, data: bytes, rng: random.Random) -> bytes:
    match rng.randrange(3):
        case 0:
            return frame.replace(text, b64encode(data[: rng.randrange(len(data))]))
        case 1:
            return frame.replace(text, b64encode(bytes(8) + data[8:] + b"\x00"))
        case _:
            return _OWNER.sub(rb"\g<1>%s" % _SOMEBODY + b'"', frame)


def _scaled(data: bytes, part: slice, *, percent: int) -> bytes:
    value = int.from_bytes(data[part], "little") * percent // 100
    return data[: part.start] + value.to_bytes(16, "little") + data[part.stop :]
