"""Reference vectors run through the pool arithmetic and the account decoders: one module per file format."""

from streaming_worker.service.vectors.run import run_vectors

__all__ = ["run_vectors"]
