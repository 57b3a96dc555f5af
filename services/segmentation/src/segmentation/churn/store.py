"""Fits of the model of churn."""

from __future__ import annotations

from common.storage.database import Transaction
from common.versions.table import VersionTable
from segmentation.churn.state import ChurnFit

FITS = VersionTable("churn_fits", ChurnFit, since="as_of")
"""`version` is that of the statistics."""


async def get_newest_fit(tx: Transaction, shop: str) -> ChurnFit | None:
    """The fit of the newest month; None before the first."""
    # The end of the primary key.
    body = await tx.value(
        "select cast(body as text) from churn_fits where shop = :shop order by version desc limit 1", shop=shop
    )
    return None if body is None else ChurnFit.model_validate_json(body)
