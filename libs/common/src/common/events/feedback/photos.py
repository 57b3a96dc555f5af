"""Photos: references to them, and those that the store keeps."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from common.events.envelope import EventData
from common.events.fields import (
    MAX_PERSONAL,
    MAX_SEALED,
    SEALED,
    Count,
    Identifier,
    Personal,
    Text,
    check_identifier,
)

MOST_PHOTOS = 20


def check_photo(reference: str) -> str:
    """A photo's https address, or its id in the shop's own store. Raises ValueError."""
    if reference.startswith("https://"):
        if len(reference) > MAX_PERSONAL or not reference.isprintable() or " " in reference:
            raise ValueError(f"a photo's address has at most {MAX_PERSONAL} characters, without white space")
        return reference
    return check_identifier(reference)


def _photo(reference: str) -> str:
    return reference if reference.startswith(SEALED) else check_photo(reference)


Photo = Annotated[
    str,
    Personal(),
    AfterValidator(_photo),
    Field(max_length=MAX_SEALED, description="an https address or an id; personal: travels encrypted"),
]


class PhotoStored(EventData):
    """A photo of the customer is kept by feedback, encrypted with their key; reviews, tickets and content name it by
    `photo_id` (FBK-040).

    `stored_as`: under which name its bytes lie; `digest`: a keyed hash of them. `fingerprint`: 64 bits in hex that near
    copies share, of which no picture can be made; None of a picture of one colour. `turned`: those of the same picture
    turned and mirrored.
    """

    TYPE: ClassVar[str] = "photo.stored"
    TOPIC: ClassVar[str] = "feedback"
    RANK: ClassVar[int] = 295
    photo_id: Identifier
    stored_as: Text
    content_type: Annotated[Text, Field(pattern=r"^image/[a-z]{3,10}$")]
    size: Count
    width: Count
    height: Count
    digest: Annotated[Text, Field(pattern=r"^[0-9a-f]{64}$")]
    fingerprint: Annotated[Text, Field(pattern=r"^[0-9a-f]{16}$")] | None = None
    turned: Annotated[tuple[Annotated[Text, Field(pattern=r"^[0-9a-f]{16}$")], ...], Field(max_length=7)] = ()
