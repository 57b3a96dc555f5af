"""Who a customer is after merges: the survivor at the end of the chain, and all who stand for one."""

from __future__ import annotations

from collections.abc import Mapping


def survivor(merged_into: Mapping[str, str | None], customer: str) -> str:
    """Where the chain of merges ends; who is not in `merged_into` was absorbed by nobody.

    News of merges may arrive in any order, so that for a moment a chain may come back to where it began: until the
    undoing arrives that stands between, all in the circle are the first of them by name.
    """
    passed = [customer]
    while (above := merged_into.get(passed[-1])) is not None:
        if above in passed:
            return min(passed[passed.index(above) :])
        passed.append(above)
    return passed[-1]
