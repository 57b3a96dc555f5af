"""SQL of the quality of the customer file: what is missing, and what nobody changed for long (MEM-007)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from common.storage.database import Transaction

FIELDS = ("name", "email", "phone", "birthday", "gender", "region", "language")
"""What a profile should say."""


async def count_quality(tx: Transaction, shop: str, before: datetime) -> Any:
    """Profiles; `stale`: those last changed before that; `no_<field>`: those without it."""
    # All of the shop's profiles are counted.
    missing = ", ".join(f"count(*) filter (where not body ? '{name}') as no_{name}" for name in FIELDS)
    [row] = await tx.fetch(
        f"""
        select count(*) as profiles, count(*) filter (where changed_at < :before) as stale, {missing}
        from profiles where shop = :shop
        """,
        shop=shop,
        before=before,
    )
    return row
