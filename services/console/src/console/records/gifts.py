"""Gifts that are promised come out of the stock that is kept, and none that is not there (XCT-008)."""

from __future__ import annotations

from typing import Any

from console.records import commands
from console.records.commands import NotSaved
from console.records.state import Record
from console.texts import N_
from console.web.page import Viewer


async def take(viewer: Viewer, gift: str, command: str) -> Record | None:
    """One of the gift out of its stock, once a command; None where no gift of the name is kept. Raises NotSaved."""

    def less(fields: dict[str, Any]) -> dict[str, Any]:
        if int(fields["stock"]) < 1:
            raise NotSaved(N_("Of the gift {name} none is in stock: it is not promised."), name=gift)
        return fields | {"stock": int(fields["stock"]) - 1}

    return await commands.change(viewer, "gift", gift, f"{command}.gift", less)


async def put_back(viewer: Viewer, gift: str, command: str) -> None:
    """What was taken for a promise that was refused; a command's that was given back is not used again."""

    def more(fields: dict[str, Any]) -> dict[str, Any]:
        return fields | {"stock": int(fields["stock"]) + 1}

    await commands.change(viewer, "gift", gift, f"{command}.gift-back", more)
