"""What lies in parcels, and was scanned there."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from common.events.envelope import EventData, NewVersion
from common.events.fields import Count, Identifier, Text


class ParcelPlanChanged(NewVersion):
    """A new version of the shop's parcel plan, in force from `valid_from`; no customer concerned."""

    TYPE: ClassVar[str] = "parcel_plan.changed"
    TOPIC: ClassVar[str] = "messages"
    document: dict[str, Any]


class ParcelPlanned(EventData):
    """What goes into the parcel of an order, on top first, by this version of the plan (MSG-066).

    `gift`: it is a present for somebody else; `show_price`: whether a present shows its price (MSG-072).
    """

    TYPE: ClassVar[str] = "parcel.planned"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 432
    order_id: Identifier
    version: Count
    inserts: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    gift: bool = False
    show_price: bool = False


class InsertScanned(EventData):
    """Somebody scanned the code of an insert in the parcel of an order, for the first time (MSG-068)."""

    TYPE: ClassVar[str] = "insert.scanned"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 433
    order_id: Identifier
    insert: Text
