"""Rewards are earned once and never on the customer's own word: what claims and content share (FBK-043, FBK-047)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from common.crypto.keys import KeyRing
from common.events import CustomerKey
from common.events.feedback import ContentEvent, RewardEvent
from common.people.store import get_people
from common.refusals import Forbidden
from common.storage.database import Transaction
from common.values.people import is_same_person
from feedback.earned.rules import PURPOSE, Grounds, Said, grounds_of
from feedback.earned.store import settle
from feedback.photos.store import get_photos
from feedback.rewards.store import CLAIMS
from feedback.ugc.store import CONTENTS


class OwnWord(Forbidden):
    """Who gains by a decision does not make it (SEC-012)."""

    def __init__(self, by: str) -> None:
        super().__init__(
            "own_word", f"{by!r} is the customer who gains by it: somebody of the shop decides, who is named in `by`."
        )


def assert_not_the_customer(people: Collection[CustomerKey], by: str | None) -> None:
    """`people`: identifiers of the customer who gains. Raises OwnWord."""
    if by is not None and any(is_same_person(name, by) for _, name in people):
        raise OwnWord(by)


async def get_grounds(
    tx: Transaction,
    keys: KeyRing,
    customer: CustomerKey,
    text: str | None,
    photos: Sequence[str],
    review_id: str | None,
) -> Grounds:
    """The grounds of words, photos and a review, readable, of a customer who is locked. Of a photo that is kept here
    its bytes count, of another its address or id."""
    people = (await get_people(tx, [customer]))[customer]
    kept = {photo.photo_id: photo.digest for photo in await get_photos(tx, people, photos) if photo.digest}
    others = [photo for photo in photos if photo not in kept]
    return grounds_of(keys.derived(PURPOSE), customer, people, Said(review_id, text, [*kept.values()], others))


async def settle_claim(tx: Transaction, shop: str, claim: RewardEvent) -> None:
    """Keep, or free, what a claim was earned by, as it stands after a revision was kept. Idempotent, in any order."""
    found = await CLAIMS.get(tx, shop, claim.claim_id) if claim.grounds else None
    if found is not None:
        stands = found.data.state != "refused"
        await settle(tx, shop, claim_origin(claim.claim_id), claim.grounds, stands=stands)


async def settle_content(tx: Transaction, shop: str, content: ContentEvent) -> None:
    """The same of content: what is withdrawn has earned nothing."""
    found = await CONTENTS.get(tx, shop, content.content_id) if content.reward is not None else None
    if found is not None and content.reward is not None:
        stands = found.data.state == "approved"
        await settle(tx, shop, content_origin(content.content_id), content.reward.grounds, stands=stands)


def claim_origin(claim_id: str) -> str:
    return f"claim/{claim_id}"


def content_origin(content_id: str) -> str:
    return f"content/{content_id}"
