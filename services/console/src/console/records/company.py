"""What the shop says of itself: its stage, and the industry against whose ladder it is held (ANA-012, XCT-027)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.storage.database import Transaction
from console.records import rules, store

INDUSTRIES = ("womens_wear", "cosmetics", "mens_shoes", "appliances")
"""Of the benchmarks that segmentation holds the ladder against."""


async def get_company(tx: Transaction, shop: str) -> dict[str, Any] | None:
    """Stage and industry; None where nothing is said."""
    found = await store.get_record(tx, shop, "company", "shop")
    return found.fields if found is not None and found.state == rules.IN_FORCE else None


def industry_of(company: Mapping[str, Any] | None) -> dict[str, str]:
    """The industry as a query takes it; without one segmentation takes its own."""
    return {"industry": company["industry"]} if company is not None and company.get("industry") else {}
