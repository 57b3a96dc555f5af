"""Python's collector of cyclic garbage, set for a process that serves."""

import gc

THRESHOLDS = (50_000, 10, 10)
"""Objects made and still there before the young are looked through; such passes before the older are; and those before
all are. Python's own 700 make a pass every dozen events, over a batch that grows until it commits, and find nothing:
events, states and facts hold no circles. What does, such as an error with the batch that it ended, lives to be old in
a large batch: all are looked through after some fifty of these, which takes as long as a hundred events."""


def settle_collector() -> None:
    """Set what is there now aside for good, and look for garbage seldom. Call it when the process is ready to serve.

    Classes, validators and routes are most of a process, stay until its end, and would be looked through each time.
    What dies by its count of references, which is nearly all, is freed at once as ever.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
