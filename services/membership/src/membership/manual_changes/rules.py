"""When a change by hand needs a second person, and who may be that."""

from __future__ import annotations

from common.values.people import is_same_person
from membership.manual_changes.refusals import SamePerson, TooManyGrants
from membership.programme.approvals import Approvals


def points_need_approval(points: int, of_member: int, by_person: int, rules: Approvals) -> bool:
    """Whether somebody else must agree.

    `of_member`: points that were added to and taken from this member today without a second person, both counted
    as positive, so that a large change cannot be made of many small ones; `by_person`: those of all members that the
    one who asks has, so that nobody gives any sum away, a member at a time (SEC-012).
    """
    return abs(points) + of_member > rules.points_alone or abs(points) + by_person > rules.points_a_day


def tier_needs_approval(tier: str, candidate: str, rules: Approvals) -> bool:
    """Whether somebody else must agree; `candidate`: the tier that a campaign has made the member a candidate for."""
    return not (rules.tiers_alone == "all" or (rules.tiers_alone == "candidates" and tier == candidate))


def check_second(asked_by: str, by: str) -> None:
    """Nobody approves what they asked for. Raises SamePerson."""
    if is_same_person(asked_by, by):
        raise SamePerson(asked_by, by)


def check_grants(granted: int, by: str, rules: Approvals) -> None:
    """`granted`: tiers that the person has granted this month. Raises TooManyGrants."""
    if granted >= rules.tiers_a_month:
        raise TooManyGrants(by, rules.tiers_a_month)
