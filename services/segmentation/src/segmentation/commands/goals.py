"""Goals set and ended: accepted commands, recorded in versions and published."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from common.events.segments import GoalKpi, GoalSet
from common.refusals import Conflict, Invalid, NotFound
from common.storage.database import Transaction
from common.versions.table import tell
from segmentation.goals import store as goals
from segmentation.goals.state import Goal, hundredths, said

MOST, LONGEST = 100, timedelta(days=1_096)


class GoalMissing(NotFound):
    def __init__(self, goal: str) -> None:
        super().__init__("unknown_goal", f"There is no goal {goal!r} in this shop.")


class GoalChanged(Conflict):
    def __init__(self, version: int) -> None:
        super().__init__(
            "goal_changed", f"The goal has version {version} now: read it, and send your change with `replaces`."
        )


class TooManyGoals(Invalid):
    def __init__(self) -> None:
        super().__init__("too_many_goals", f"A shop has {MOST} goals at most: end one that is not looked at any more.")


class BadGoal(Invalid):
    """`detail` says what to change."""

    def __init__(self, detail: str) -> None:
        super().__init__("bad_goal", detail)


def check_period(since: date, until: date) -> None:
    """Raises BadGoal."""
    if not timedelta(0) < until - since <= LONGEST:
        raise BadGoal("A goal has a period of 1 day to 3 years: `until`, the day after its last, lies behind `since`.")


def target_of(kpi: GoalKpi, target: Decimal | None, rise: Decimal | None, baseline: Decimal | None) -> int:
    """The target in hundredths: as it is given, or so many percent above the baseline. Raises BadGoal."""
    if (target is None) == (rise is None):
        raise BadGoal("Give either `target` or `rise_percent`.")
    if target is None:
        if not baseline or rise is None:
            raise BadGoal("There is nothing to rise from in the period before: give `target`, or a `baseline`.")
        target = baseline * (100 + rise) / 100
    if kpi in ("repurchase_rate", "positive_reviews") and target > 100:
        raise BadGoal(f"The target comes to {target:.2f} percent: 100 at most.")
    return hundredths(target)


async def set_goal(tx: Transaction, shop: str, goal: str, body: Goal, replaces: int | None) -> int:
    """Add a version and announce it; returns its number, that of the newest where it says the same.

    Raises GoalChanged, TooManyGoals.
    """
    await goals.lock_goals(tx, shop)
    known = await goals.get_goals(tx, shop)
    number = known[goal][0] if goal in known else 0
    if replaces is not None and replaces != number:
        raise GoalChanged(number)
    if goal in known and known[goal][2] == body:
        return number
    living = {name for name, (_, _, each) in known.items() if not each.archived}
    if not body.archived and len(living | {goal}) > MOST:
        raise TooManyGoals
    now = tx.clock.now()
    await goals.insert_goal(tx, shop, goal, number + 1, now, body)
    await tell(tx, shop, f"goal-{goal}", GoalSet(version=number + 1, valid_from=now, goal=goal, **body.model_dump()))
    return number + 1


async def end_goal(tx: Transaction, shop: str, goal: str) -> None:
    """Nobody looks at it any more; its versions stay. Raises GoalMissing."""
    known = await goals.get_goals(tx, shop)
    if goal not in known:
        raise GoalMissing(goal)
    await set_goal(tx, shop, goal, known[goal][2].model_copy(update={"archived": True}), None)


async def read_back(tx: Transaction, shop: str, data: GoalSet) -> None:
    """A rebuild reads our own goals back."""
    await goals.insert_goal(tx, shop, data.goal, data.version, data.valid_from, said(data))
