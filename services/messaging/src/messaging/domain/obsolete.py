"""Is what a message would say still so? Judged at the instant of the decision, by what held up to it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from messaging.domain.flows import Candidate, Condition


def is_obsolete(
    candidate: Candidate, conditions: Iterable[tuple[datetime, Condition]], purchases: Iterable[datetime], at: datetime
) -> bool:
    """True once a higher revision of the fact says otherwise, or, for a win-back, once the customer bought again.

    The order itself is looked at beside segmentation's answer to it, which comes a moment later.
    """
    if candidate.flow == "lapse" and any(candidate.cause_at < bought <= at for bought in purchases):
        return True
    rests_on = candidate.condition
    if rests_on is None:
        return False
    newer = [
        c for since, c in conditions if c.subject == rests_on.subject and c.revision > rests_on.revision and since <= at
    ]
    return bool(newer) and max(newer, key=lambda c: c.revision).value != rests_on.value
