"""Why a place in an activity is not had."""

from __future__ import annotations

from datetime import datetime

from common.refusals import Conflict, NotFound


class UnknownActivity(NotFound):
    def __init__(self, activity_id: str) -> None:
        super().__init__("unknown_activity", f"There is no activity {activity_id!r}: PUT …/activities/<id> sets one.")


class ActivityDiffers(Conflict):
    def __init__(self, activity_id: str) -> None:
        super().__init__(
            "activity_differs", f"The activity {activity_id!r} is set otherwise, and never changes: take another id."
        )


class NotOpenYet(Conflict):
    def __init__(self, opens: datetime | None) -> None:
        when = "is for those who are invited" if opens is None else f"opens for this customer at {opens.isoformat()}"
        super().__init__("not_open_yet", f"The activity {when}.", opens=None if opens is None else opens.isoformat())


class NotBegun(Conflict):
    def __init__(self, starts: datetime) -> None:
        super().__init__(
            "not_begun",
            f"The activity begins at {starts.isoformat()}: nobody has come and nothing is drawn before.",
            starts=starts.isoformat(),
        )


class ActivityOver(Conflict):
    def __init__(self, ends: datetime) -> None:
        super().__init__("activity_over", f"The activity ended at {ends.isoformat()}.")


class PlacesGone(Conflict):
    def __init__(self, places: int) -> None:
        super().__init__("places_gone", f"All {places} places are taken; one that is given back can be had again.")


class AttendedAlready(Conflict):
    def __init__(self, customer: str) -> None:
        super().__init__("attended_already", f"{customer!r} has attended: a place that was used is not given back.")


class NoPlace(Conflict):
    def __init__(self, customer: str) -> None:
        super().__init__("no_place", f"{customer!r} is not invited and has no place: there is nothing to give back.")


class NoPrizes(Conflict):
    def __init__(self, activity_id: str) -> None:
        super().__init__("no_prizes", f"The activity {activity_id!r} has no `prizes` to be drawn.")


class DrawnAlready(Conflict):
    def __init__(self, activity_id: str) -> None:
        super().__init__("drawn_already", f"The prizes of {activity_id!r} are drawn: nobody joins any more.")
