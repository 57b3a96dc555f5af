"""Reviews as they are handed in by the shop."""

from __future__ import annotations

from common.bus.inbox import SameIdOtherBody, claim
from common.crypto.keys import KeyRing
from common.events import Event
from common.events.feedback import ReviewSubmitted
from common.refusals import Conflict
from common.storage.database import Transaction
from feedback.commands.care import open_for_review
from feedback.commands.sealing import as_readable, is_erased, opened, sealed
from feedback.commands.understanding import note_texts
from feedback.reviews import store as reviews


class ReviewDiffers(Conflict):
    """A review of that id is stored, with other content."""

    def __init__(self, review_id: str) -> None:
        super().__init__(
            "review_differs",
            f"Review {review_id} of this customer was accepted before with other content: "
            "give the new one an id of its own.",
        )


class EventIdUsed(Conflict):
    """The event's id was used for another review."""

    def __init__(self) -> None:
        super().__init__("same_id_other_body", "This event id was used for another review: give each event its own id.")


async def accept_review(tx: Transaction, keys: KeyRing, review: Event[ReviewSubmitted]) -> bool:
    """Store and announce a review (FBK-011); False when the very same was accepted before.

    A fresh one of few stars opens a ticket with it (FBK-025). One of an erased customer is taken without its text
    and photos, as an order is, and opens none. Raises ReviewDiffers, UnknownCustomer, EventIdUsed.
    """
    await tx.lock_customers([review.customer])
    stored = await reviews.get_review(tx, review.shop, review.customer[1], review.data.review_id)
    if stored is not None:
        known = await opened(tx, keys, review.with_data(stored))
        if known.data != (await as_readable(tx, keys, review)).data:
            raise ReviewDiffers(review.data.review_id)
        return False
    erased = await is_erased(tx, keys, review.customer)
    personal = not erased and (review.data.text is not None or bool(review.data.photos))
    event = await sealed(tx, keys, review, personal=personal)
    try:
        await claim(tx, [(event, event.encode())])
    except SameIdOtherBody:
        raise EventIdUsed from None
    await reviews.save_review(tx, event)
    await note_texts(tx, [event])
    await tx.announce([event])
    if not erased:
        await open_for_review(tx, keys, review)
    return True
