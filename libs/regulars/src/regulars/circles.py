"""Whether what dies is freed at once, for tests: a serving process looks for garbage in circles seldom."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

OURS = frozenset({"common", "orders_ingest", "membership", "segmentation", "messaging", "feedback", "console"})


@contextmanager
def nothing_in_circles() -> Iterator[None]:
    """Raises AssertionError at the end where objects of our own types died meanwhile and were not freed.

    What still has a name in the block's function has not died.
    """
    gc.collect()
    enabled, debug = gc.isenabled(), gc.get_debug()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield
        gc.collect()
        kinds = (type(one) for one in gc.garbage)
        left = Counter(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds if _is_ours(kind))
    finally:
        gc.set_debug(debug)
        gc.garbage.clear()
        if enabled:
            gc.enable()
    assert not left, f"these refer to each other in a circle: {left.most_common(10)}"


def _is_ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in OURS
