"""The running hash of outputs and the hash of what the books hold: the proof that a replay equals the live run."""

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from streaming_worker.core.book import Book
from streaming_worker.core.outputs import Output

DIGEST_BYTES = 32
START = bytes(DIGEST_BYTES)

_ENCODER = msgspec.json.Encoder()


def chain(digest: bytes, outputs: Iterable[Output]) -> bytes:
    """Return the chain digest after these outputs: hash of the digest before and the output, one by one."""
    for output in outputs:
        digest = blake2b(digest + _ENCODER.encode(output), digest_size=DIGEST_BYTES).digest()
    return digest


def book_digest(key: str, book: Book, *, updates: int) -> str:
    """Return the hash of one book's levels and how many updates made it; times do not enter."""
    content = _ENCODER.encode((key, updates, book.absent_removals, book.dump()))
    return blake2b(content, digest_size=DIGEST_BYTES).hexdigest()


def combine(parts: Iterable[tuple[str, str]]) -> str:
    """Return one digest over named digests, in the order given."""
    return blake2b(_ENCODER.encode(list(parts)), digest_size=DIGEST_BYTES).hexdigest()


def identity(*inputs: object) -> str:
    """Return an identifier that is a pure function of its inputs (128 bits, hex)."""
    return blake2b(_ENCODER.encode(inputs), digest_size=16).hexdigest()
