"""Keep Python's garbage collector from holding up a process that has to answer within milliseconds.

A full collection looks at every container that exists, also at the some hundred thousand that importing made and that
never go: 30 to 120 ms in which neither the event loop nor the writer moves.
"""

import gc
from typing import Final

_YOUNG_OBJECTS: Final = 10_000


def keep_pauses_short() -> None:
    """Set aside for good what exists now, and look at new objects less often. For once everything is imported."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])
