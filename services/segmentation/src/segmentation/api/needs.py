"""What a customer needs and has not bought, and the notes of the shop's people. For staff alone (SEC-009)."""

from __future__ import annotations

from datetime import date

from fastapi import Depends

from common.events.fields import ShopName
from common.events.segments import Confidence, TagSource
from common.http.api import Router, Tx, require
from common.http.told import Told
from segmentation.activity.store import list_looked
from segmentation.api.customers import Out
from segmentation.api.traits import read_traits
from segmentation.needs.levels import Level, level_of
from segmentation.needs.rules import NeedKind, NoteKind, looked_since, needs, note_of
from segmentation.tags.store import get_borne

router = Router(prefix="/v1/shops/{shop}", tags=["needs"], dependencies=[Depends(require("segments:read"))])


class NeedOut(Out):
    """`what`: a category, or what people noted; null where it is not known of what."""

    kind: NeedKind
    what: str | None
    source: str
    confidence: Confidence
    why: str


class NoteOut(Out):
    """A tag such as `goal: lose weight`, `state: student` or `need: something without caffeine`, with its source."""

    kind: NoteKind
    text: str
    source: TagSource
    on: date


class LevelOut(Out):
    """After Maslow; null while too little is known. The rule is ours: the source names the levels alone."""

    level: Level | None
    confidence: Confidence
    evidence: list[str]


class NeedsOut(Out):
    """The surest first."""

    customer: str
    as_of: date
    needs: list[NeedOut]
    notes: list[NoteOut]
    level: LevelOut


@router.get("/customers/{customer}/needs")
async def get_needs(shop: ShopName, customer: Told, tx: Tx) -> NeedsOut:
    """Latent needs by purchases, browsing, reviews and notes, and the level of need (SEG-049, SEG-067, SEG-072)."""
    await tx.stand_still()
    known, of_shop, thresholds = await read_traits(tx, shop, customer)
    looked = await list_looked(tx, shop, customer, looked_since(known.today))
    borne = await get_borne(tx, shop, customer)
    noted = [(row.tag, row.source, of_shop.settings.date_of(row.at)) for row in borne]
    notes = [note for each in noted if (note := note_of(*each)) is not None]
    return NeedsOut(
        customer=customer,
        as_of=known.today,
        needs=[NeedOut.model_validate(e) for e in needs(known, looked, notes, thresholds.traits)],
        notes=[NoteOut.model_validate(note) for note in notes],
        level=LevelOut.model_validate(level_of(known)),
    )
