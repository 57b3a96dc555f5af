"""The photos of a claim beside those of other tickets that they resemble, for people who decide on it (FBK-040)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from fastapi import Request
from pydantic import BaseModel

from common.crypto.keys import KeyRing
from common.events import CustomerKey
from common.events.feedback import TicketEvent
from common.events.fields import Identifier, ShopName
from common.http.api import Router, Tx, require
from common.people.store import get_people
from feedback.commands.tickets import readable
from feedback.photos.prints import NEAR, distance
from feedback.photos.store import Photo, get_photos
from feedback.tickets import photos, resembling, store
from feedback.tickets.refusals import UnknownTicket

router = Router(prefix="/v1/shops/{shop}", tags=["tickets"])
MOST = 20
"""So many other tickets are looked at."""


class SeenPhotoOut(BaseModel):
    """A photo of another ticket. `same`: the very same bytes or address; else a near copy. `kept`: it lies here."""

    ticket_id: str
    customer: str
    photo: str
    kept: bool
    same: bool
    opened_at: datetime


class TicketPhotoOut(BaseModel):
    """A photo by its address or id. `kept`: it lies here, and is read by its customer and id. `seen`: those of other
    tickets that it resembles, in order of their ids."""

    photo: str
    kept: bool
    seen: list[SeenPhotoOut]


class TicketPhotosOut(BaseModel):
    """`customer`: whose the ticket is. 20 other tickets at most are looked at."""

    customer: str
    photos: list[TicketPhotoOut]


class _Picture(NamedTuple):
    """A photo of a ticket: its reference, what it is known by, and what is kept of it here."""

    reference: str
    digest: bytes
    kept: Photo | None


@router.get("/tickets/{ticket_id}/photos", dependencies=[require("feedback:read")])
async def list_ticket_photos(shop: ShopName, ticket_id: Identifier, request: Request, tx: Tx) -> TicketPhotosOut:
    """The photos of the ticket, each with those of other tickets' claims that it resembles, whoever sent them."""
    keys: KeyRing = request.app.state.runtime.keys
    customer, mine, _ = await _pictures(tx, keys, shop, ticket_id)
    seen: dict[str, list[SeenPhotoOut]] = {one.reference: [] for one in mine}
    for name in sorted(await _others(tx, shop, ticket_id, mine))[:MOST]:
        whose, theirs, opened_at = await _pictures(tx, keys, shop, name)
        for one, other in ((one, other) for one in mine for other in theirs):
            if (same := _same(one, other)) or _near(one, other):
                seen[one.reference].append(
                    SeenPhotoOut(
                        ticket_id=name,
                        customer=whose,
                        photo=other.reference,
                        kept=other.kept is not None,
                        same=same,
                        opened_at=opened_at,
                    )
                )
    found = [TicketPhotoOut(photo=one.reference, kept=bool(one.kept), seen=seen[one.reference]) for one in mine]
    return TicketPhotosOut(customer=customer, photos=found)


async def _others(tx: Tx, shop: str, ticket_id: str, mine: Sequence[_Picture]) -> set[str]:
    """The other tickets of whose claims one of these photos, or a near copy, is known."""
    digests = [one.digest for one in mine]
    digests += [bytes.fromhex(one.kept.digest) for one in mine if one.kept is not None and one.kept.digest is not None]
    found = await resembling.list_with_same(tx, shop, ticket_id, digests)
    for one in mine:
        for fingerprint in _fingerprints(one):
            found |= await resembling.list_with_near(tx, shop, ticket_id, fingerprint)
    return found


async def _pictures(tx: Tx, keys: KeyRing, shop: str, ticket_id: str) -> tuple[str, list[_Picture], datetime]:
    """Whose the ticket is, its photos, and when it was opened; no photos of an erased one. Raises UnknownTicket."""
    customer, stored = await store.get_customer(tx, shop, ticket_id), await store.get_ticket(tx, shop, ticket_id)
    if customer is None or stored is None:
        raise UnknownTicket(ticket_id)
    key: CustomerKey = (shop, customer)
    ticket: TicketEvent = await readable(tx, keys, key, stored)
    people = (await get_people(tx, [key]))[key]
    kept = {photo.photo_id: photo for photo in await get_photos(tx, people, ticket.photos)}
    secret = keys.derived(photos.PURPOSE)
    found = [_Picture(name, photos.digest_of(secret, shop, name), kept.get(name)) for name in ticket.photos]
    return customer, found, ticket.opened_at


def _same(one: _Picture, other: _Picture) -> bool:
    if one.kept is not None and other.kept is not None:
        return one.kept.digest is not None and one.kept.digest == other.kept.digest
    return one.digest == other.digest


def _near(one: _Picture, other: _Picture) -> bool:
    """Whether one of them, turned or mirrored, looks like the other."""
    straight = _fingerprints(other)[:1]
    return any(distance(turned, plain) <= NEAR for plain in straight for turned in _fingerprints(one))


def _fingerprints(one: _Picture) -> list[int]:
    """Of the photo as it is, then of its seven other turns and mirrorings; none where it is not kept here."""
    if one.kept is None or one.kept.fingerprint is None:
        return []
    return [int(each, 16) for each in (one.kept.fingerprint, *(one.kept.turned or ()))]
