"""Why a ticket, or something to be done with one, is refused."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from common.refusals import Conflict, Forbidden, Invalid, NotFound


class UnknownTicket(NotFound):
    """The shop has no ticket of that id."""

    def __init__(self, ticket_id: str) -> None:
        super().__init__("unknown_ticket", f"There is no ticket {ticket_id!r}; GET …/tickets lists them.")


class TicketDiffers(Conflict):
    """The id was used for another ticket."""

    def __init__(self, ticket_id: str) -> None:
        super().__init__(
            "ticket_differs",
            f"Ticket {ticket_id!r} was opened before with other content: give the new one an id of its own.",
        )


class EntryDiffers(Conflict):
    """The id was used for another entry of the ticket."""

    def __init__(self, entry_id: str) -> None:
        super().__init__(
            "entry_differs", f"Entry {entry_id!r} of this ticket says something else: give each entry an id of its own."
        )


class TicketChanged(Conflict):
    """Somebody else did something with the ticket meanwhile."""

    def __init__(self, revision: int) -> None:
        super().__init__(
            "ticket_changed",
            f"The ticket is at revision {revision} by now: read it again before you go on.",
            revision=revision,
        )


class TicketIsResolved(Conflict):
    """Only what is open can be worked on."""

    def __init__(self) -> None:
        super().__init__("ticket_resolved", "The ticket is resolved: `reopen` it first; a `note` may always be added.")


class TicketNotResolved(Conflict):
    """Only what is resolved can be reopened or rated."""

    def __init__(self) -> None:
        super().__init__(
            "ticket_not_resolved", "The ticket is open: it can be reopened, or rated, once it is resolved."
        )


class AlreadyRated(Conflict):
    """A resolution is rated once."""

    def __init__(self) -> None:
        super().__init__("already_rated", "The customer has rated this resolution; a rating is given once.")


class NoPromise(Conflict):
    """There is no promise that could be kept."""

    def __init__(self) -> None:
        super().__init__("no_promise", "The ticket holds no promise that is open: make one by the action `promise`.")


class PromiseInThePast(Invalid):
    """A promise is made for a time to come."""

    def __init__(self, by: datetime, now: datetime) -> None:
        super().__init__(
            "promise_in_the_past", f"`by` is {by.isoformat()}, which is over: it is {now.isoformat()} now."
        )


class CompensationStands(Conflict):
    """A ticket is compensated once at a time."""

    def __init__(self, state: str) -> None:
        super().__init__(
            "compensation_stands",
            f"The ticket's compensation is {state}: `approve` or `refuse` what is proposed; what is granted stands.",
        )


class NothingProposed(Conflict):
    """There is no compensation to decide on."""

    def __init__(self) -> None:
        super().__init__("nothing_proposed", "The ticket holds no compensation to decide on: see its `compensation`.")


class SecondPersonNeeded(Forbidden):
    """Nobody approves what they proposed themselves (FBK-029)."""

    def __init__(self) -> None:
        super().__init__("second_person_needed", "Above the limit another person than who proposed it must approve.")


class TooManyPhotos(Invalid):
    """A ticket holds so many."""

    def __init__(self, most: int) -> None:
        super().__init__("too_many_photos", f"A ticket holds at most {most} photos, all told.")


class UnknownPoint(Conflict):
    """The ticket's checklist has no such point."""

    def __init__(self, item: str, known: Collection[str]) -> None:
        points = ", ".join(known) or "none"
        super().__init__("unknown_point", f"The ticket's checklist has no point {item!r}; it has: {points}.")


class PointsOpen(Conflict):
    """What the shop's standard requires was not done (FBK-038)."""

    def __init__(self, items: Collection[str]) -> None:
        super().__init__(
            "points_open",
            f"These points of the checklist are open: {', '.join(items)}. Do each by the action `check`; a ticket that "
            "ends as rejected or withdrawn needs none.",
            items=list(items),
        )
