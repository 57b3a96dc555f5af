"""That messaging has forgotten a customer."""

from __future__ import annotations

from typing import ClassVar

from common.events.customers import ErasureConfirmed


class MessagesErased(ErasureConfirmed):
    TYPE: ClassVar[str] = "messages.customer_erased"
    TOPIC: ClassVar[str] = "messages"
