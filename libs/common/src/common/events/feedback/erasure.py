"""That feedback has forgotten a customer."""

from __future__ import annotations

from typing import ClassVar

from common.events.customers import ErasureConfirmed


class FeedbackErased(ErasureConfirmed):
    TYPE: ClassVar[str] = "feedback.customer_erased"
    TOPIC: ClassVar[str] = "feedback"
