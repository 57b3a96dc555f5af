"""What orders-ingest tells every service about shops: their settings, imports, and the API keys that count."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from common.events.envelope import EventData, NewVersion
from common.events.fields import Currency, Identifier, Instant, Text

EVERY_SHOP = "every-shop"
"""The attribute `shop` of what concerns the whole installation: a key that is good for every shop."""


class ShopSettingsChanged(NewVersion):
    """A new version of a shop's settings, in force from `valid_from`; no customer concerned.

    The first version holds for all time before it too.
    """

    TYPE: ClassVar[str] = "shop.settings_changed"
    TOPIC: ClassVar[str] = "shops"
    name: Annotated[Text | None, Field(description="as customers read it")] = None
    zone: Annotated[Text, Field(description="IANA name")]
    currency: Currency


class ImportStarted(EventData):
    """History of the shop is on its way: rows of a file are being taken, from `time` on; no customer concerned.

    Of a file whose rows lie ahead of a set clock it is announced each time that some fall due.
    """

    TYPE: ClassVar[str] = "import.started"
    TOPIC: ClassVar[str] = "shops"
    job_id: Identifier


class ImportEnded(EventData):
    """All rows of the file that had fallen due by `time` are taken, and what came of them is published."""

    TYPE: ClassVar[str] = "import.ended"
    TOPIC: ClassVar[str] = "shops"
    job_id: Identifier


class ApiKeyIssued(EventData):
    """An API key that counts from now on in every service; the secret itself is in no event.

    `hash`: keyed BLAKE2b of the secret in hexadecimal, of use only with the installation's master key.
    """

    TYPE: ClassVar[str] = "api_key.issued"
    TOPIC: ClassVar[str] = "shops"
    prefix: Annotated[Text, Field(description="the key's public part")]
    hash: Text
    shop: Annotated[Text, Field(description="`*`: every shop")]
    scopes: list[Text]
    name: Text
    expires_at: Instant | None = None


class ApiKeyRevoked(EventData):
    """An API key that counts no longer, from `time` on."""

    TYPE: ClassVar[str] = "api_key.revoked"
    TOPIC: ClassVar[str] = "shops"
    prefix: Text
