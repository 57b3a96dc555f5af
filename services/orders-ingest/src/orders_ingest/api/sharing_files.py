"""Files for partners: pseudonyms with the fields that were agreed, and pseudonyms to be forgotten (SEC-007)."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse

from common.events.fields import Identifier, ShopName
from common.http.api import Router, require, runtime_of
from orders_ingest.api.parts import vault_of
from orders_ingest.commands import write_share as commands
from orders_ingest.commands.share_customers import get_standing, key_of

router = Router(prefix="/v1/shops/{shop}/sharing/partners/{partner}", tags=["sharing"])
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


@router.get(
    "/shares/{share_id}/file",
    dependencies=[require("customers:share")],
    response_class=StreamingResponse,
    responses=_CSV,
)
async def download_partner_share(
    shop: ShopName, partner: Identifier, share_id: Identifier, request: Request
) -> StreamingResponse:
    """What is shared, as a CSV file, as it stands now; that it was written is registered first.

    Customers and orders stand under pseudonyms of this partner's own. Who was erased, or does not want it, is not in
    it. Amounts have two figures, times are months. What describes a customer (region, city, gender, years of birth,
    language) is left out where fewer than 10 customers of the file have the same.
    """
    database = runtime_of(request).database
    async with database.transaction() as tx:
        begun = await commands.begin(tx, vault_of(request.app), shop, partner, share_id)
    name = {"content-disposition": 'attachment; filename="shared.csv"'}
    return StreamingResponse(commands.lines(database, begun), media_type="text/csv", headers=name)


@router.get(
    "/gone",
    dependencies=[require("customers:share")],
    response_class=StreamingResponse,
    responses=_CSV,
)
async def download_partners_gone(shop: ShopName, partner: Identifier, request: Request) -> StreamingResponse:
    """Pseudonyms that the partner must delete, as a CSV file: of customers who were erased, or said no, since the key
    is in use. It may name some that the partner was never told of."""
    database = runtime_of(request).database
    async with database.transaction() as tx:
        standing = await get_standing(tx, shop, partner)
    key = key_of(vault_of(request.app), standing)
    name = {"content-disposition": 'attachment; filename="gone.csv"'}
    return StreamingResponse(commands.gone(database, standing, key), media_type="text/csv", headers=name)
