"""Refusals of reviews and answers, each with its slug and what to do."""

from __future__ import annotations

MOST_CHARACTERS = 2_000
"""Of a text that a customer writes, counted by code point."""


class Refused(Exception):
    """What was sent cannot be taken; `slug` is stable, the message says what to mend."""

    def __init__(self, slug: str, message: str) -> None:
        super().__init__(message)
        self.slug = slug


class ReviewDiffers(Exception):
    """A review of that id is stored, with other content."""

    def __init__(self, review_id: str) -> None:
        super().__init__(
            f"Review {review_id} of this customer was accepted before with other content: "
            "give the new one an id of its own."
        )


class AlreadyAnswered(Exception):
    """The survey has an answer, another one; the first one stands."""

    def __init__(self, survey_id: str) -> None:
        super().__init__(f"Survey {survey_id} was answered before: the first answer stands.")


class KeyMissing(Exception):
    """The customer's data key has not come, so a text could not be stored encrypted."""

    def __init__(self, customer: str) -> None:
        super().__init__(
            f"Customer {customer} is not known here yet: send the customer or an order to orders-ingest, "
            "then repeat this."
        )
