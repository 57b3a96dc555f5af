"""Photos of customers over HTTP: kept, listed, looked at (FBK-040, SEC-013)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from common.events.fields import Cursor, Identifier, ShopName
from common.http.api import Router, Tx, require, runtime_of
from common.http.people import identifiers_of
from common.refusals import Invalid
from feedback.commands.photos import keep_photo, read_photo
from feedback.commands.ugc import STEPS
from feedback.photos import store
from feedback.photos.keeping.protocol import Keeper
from feedback.photos.rules import TYPES, PhotosOff, UnknownPhoto
from feedback.ugc.store import CONTENTS

KINDS = ("application/octet-stream", *sorted(TYPES.values()))
_BINARY: dict[str, Any] = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in KINDS}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "the file as it is; its type is told by its bytes",
        "content": _BINARY,
    }
}
BYTES: dict[int | str, dict[str, Any]] = {
    200: {"description": "the file", "content": {kind: _BINARY[kind] for kind in KINDS[1:]}}
}


class PhotoOut(BaseModel):
    """A photo that is kept; `size` in bytes, `width` and `height` in pixels."""

    photo_id: str
    customer: str
    content_type: str
    size: int
    width: int
    height: int
    at: datetime


class PhotoPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[PhotoOut]
    after: str | None


class InvalidPhotoCursor(Invalid):
    """The text is no `after` that a page named."""

    def __init__(self) -> None:
        super().__init__("invalid_cursor", "`after` must be the one that the page before named.")


def routes(keeper_of: Callable[[], Keeper | None]) -> APIRouter:
    """The routes; `keeper_of` is asked with each request, and gives None where the installation keeps no photos."""
    router = Router(prefix="/v1/shops/{shop}", tags=["photos"])

    def keeper() -> Keeper:
        found = keeper_of()
        if found is None:
            raise PhotosOff
        return found

    @router.put(
        "/customers/{customer}/photos/{photo_id}",
        status_code=201,
        openapi_extra=BODY,
        dependencies=[require("feedback:write")],
    )
    async def put_photo(
        shop: ShopName, customer: Identifier, photo_id: Identifier, request: Request, response: Response
    ) -> PhotoOut:
        """Keep a photo of at most 10 MB, JPEG, PNG or WebP; 201 when it is new, 200 when the very same is kept already.

        Reviews, tickets and content name it by its id in `photos`.
        """
        runtime, where = runtime_of(request), keeper()
        body = await request.body()
        photo, new = await keep_photo(runtime.database, runtime.keys, where, (shop, customer), photo_id, body)
        response.status_code = 201 if new else 200
        return _out(photo)

    @router.get("/customers/{customer}/photos", dependencies=[require("feedback:read")])
    async def list_photos(
        shop: ShopName,
        customer: Identifier,
        tx: Tx,
        after: Cursor = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> PhotoPage:
        """The person's photos, under all identifiers; not those of somebody who was erased."""
        name, _, photo_id = after.partition(" ")
        if after and not photo_id:
            raise InvalidPhotoCursor
        people = await identifiers_of(tx, shop, customer)
        found = await store.list_photos(tx, shop, people, (name, photo_id), limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        items = [_out(photo) for photo in found[:limit] if photo.stored_as is not None]
        return PhotoPage(items=items, after=f"{last.customer} {last.photo_id}" if last else None)

    @router.get(
        "/customers/{customer}/photos/{photo_id}",
        response_class=Response,
        responses=BYTES,
        dependencies=[require("feedback:read")],
    )
    async def get_photo(shop: ShopName, customer: Identifier, photo_id: Identifier, request: Request) -> Response:
        """The photo itself."""
        return await _bytes(request, keeper(), (shop, customer), photo_id)

    @router.get(
        "/ugc/{content_id}/photos/{photo_id}",
        response_class=Response,
        responses=BYTES,
        dependencies=[require("feedback:read")],
    )
    async def get_content_photo(
        shop: ShopName, content_id: Identifier, photo_id: Identifier, request: Request
    ) -> Response:
        """A photo of approved content, to be shown beside it: the caller need not know whose it is (FBK-044)."""
        runtime = runtime_of(request)
        async with runtime.database.transaction() as tx:
            found = await CONTENTS.get(tx, shop, content_id)
            if found is None or found.customer is None or found.data.state != "approved":
                raise UnknownPhoto(photo_id)
            key = (shop, found.customer)
            names = (await STEPS.readable(tx, runtime.keys, shop, *found)).photos
        if photo_id not in names:
            raise UnknownPhoto(photo_id)
        return await _bytes(request, keeper(), key, photo_id)

    return router


async def _bytes(request: Request, keeper: Keeper, customer: tuple[str, str], photo_id: str) -> Response:
    runtime = runtime_of(request)
    photo, body = await read_photo(runtime.database, runtime.keys, keeper, customer, photo_id)
    # A browser shows it as what it is, runs nothing of it, and leaves no copy behind.
    headers = {
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "cache-control": "private, no-store",
        "content-disposition": "inline",
    }
    return Response(body, media_type=photo.content_type, headers=headers)


def _out(photo: store.Photo) -> PhotoOut:
    return PhotoOut(**{name: getattr(photo, name) for name in PhotoOut.model_fields})
