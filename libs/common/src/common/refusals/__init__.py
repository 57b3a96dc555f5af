"""The one way to refuse: an exception that names the fact, with a stable slug and a sentence that says what to do.

Whatever finds the fact raises one of these kinds, usually a subclass (``UnknownMember(NotFound)``); common.http alone
knows which status a kind is answered with. The sentence is read by the caller: no personal data, nothing of
our insides.
"""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """What was asked for is not done. ``more`` are extra fields of the answer, for programs."""

    slug: str
    detail: str

    def __init__(self, slug: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.slug, self.detail, self.more = slug, detail, more


class Malformed(Refusal):
    """What was sent cannot be read at all."""


class Invalid(Refusal):
    """What was sent can be read, but makes no sense."""


class Forbidden(Refusal):
    """The caller may not do this."""


class NotFound(Refusal):
    """What is named is not in the caller's shop."""


class Conflict(Refusal):
    """What is asked for contradicts what is stored."""


class TooLarge(Refusal):
    """More than is taken at once."""


class NotNow(Refusal):
    """Not possible at this moment; the same may be done soon, in ``retry_after_s`` seconds."""

    retry_after_s = 1
