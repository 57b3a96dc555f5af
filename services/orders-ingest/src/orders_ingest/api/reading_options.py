"""How a file of history is to be read: what a caller says of an import, of its preview, and of a file in parts."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple
from zoneinfo import ZoneInfo

from fastapi import Depends, Query

from common.events.fields import Identifier, Text
from common.refusals import Invalid
from common.shops.settings import get_shop
from common.storage.database import Transaction
from common.time.calendar import ZONE_NAMES
from common.values.currency import EXPONENTS
from orders_ingest.imports import store
from orders_ingest.imports.layouts.layout import History, Layout
from orders_ingest.imports.layouts.orders.columns import parse_corrections
from orders_ingest.imports.layouts.orders.values import Decimals
from orders_ingest.imports.layouts.registry import LAYOUTS, LayoutName

Encoding = Annotated[Literal["utf-8", "gbk", "latin-1", "utf-16"], Query()]


class Options(NamedTuple):
    """What the caller said; None: as the layout, the shop, or the last file of that name says."""

    layout: LayoutName
    name: str | None
    currency: str | None
    zone: str | None
    encoding: str
    columns: str | None
    decimals: Decimals

    @property
    def reader(self) -> Layout:
        return LAYOUTS[self.layout]

    async def history(self, tx: Transaction, shop: str) -> History:
        """What the caller, else the layout, else the shop says. Raises Invalid where one of them makes no sense."""
        now = tx.clock.now()
        settings = (await get_shop(tx, shop)).at(now)
        currency = self.currency or self.reader.currency or settings.currency
        zone = self.zone or self.reader.zone or str(settings.zone)
        if currency not in EXPONENTS:
            raise Invalid("unknown_currency", "`currency` must be an ISO 4217 code such as CNY, USD, EUR.")
        if zone not in ZONE_NAMES:
            raise Invalid("invalid_zone", "`zone` must be an IANA name such as Asia/Shanghai.")
        name = self.name or self.reader.name
        try:
            if self.columns is not None:
                corrected = parse_corrections(self.columns)
            else:
                corrected = await store.get_columns(tx, shop, name)
        except ValueError as error:
            raise Invalid("invalid_columns", f"`columns` {error}.") from None
        return History(shop, name, currency, ZoneInfo(zone), corrected, self.decimals, now)

    async def remember(self, tx: Transaction, history: History) -> None:
        """Corrected columns count for the next file of the name too."""
        if self.columns is not None:
            await store.put_columns(tx, history.shop, history.name, dict(history.columns))


def _options(
    layout: Annotated[LayoutName, Query()],
    name: Annotated[Identifier | None, Query(description="of the source; absent: the layout")] = None,
    currency: Annotated[Text | None, Query(description="ISO 4217; absent: the layout's, else the shop's")] = None,
    zone: Annotated[Text | None, Query(description="IANA; absent: the layout's, else the shop's")] = None,
    encoding: Encoding = "utf-8",
    columns: Annotated[
        Text | None,
        Query(description="layout `orders`: `field:Heading;…` where the guess is wrong; absent: as said last"),
    ] = None,
    decimals: Annotated[Decimals, Query(description="of layout `orders`: 1,234.50 or 1.234,50")] = "point",
) -> Options:
    return Options(layout, name, currency, zone, encoding, columns, decimals)


Asked = Annotated[Options, Depends(_options)]
"""The parameters of a route that reads a file."""
