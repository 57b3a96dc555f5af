"""Fits of the model of churn: added once a month, and announced."""

from __future__ import annotations

from common.events.segments import ChurnFitted
from common.storage.database import Transaction
from common.versions.table import tell
from segmentation.churn.state import ChurnFit
from segmentation.churn.store import FITS


async def save_fit(tx: Transaction, shop: str, fit: ChurnFit) -> bool:
    """Add what was fitted, and announce it; False when another process was first."""
    if not await add_fit(tx, shop, fit):
        return False
    fields = fit.model_dump(exclude={"as_of"})
    await tell(tx, shop, "churn", ChurnFitted(version=fit.number, valid_from=fit.as_of, **fields))
    return True


async def add_fit(tx: Transaction, shop: str, fit: ChurnFit) -> bool:
    """Store a fit; False when it is there already. No fold reads it, so it is late for nobody."""
    return await FITS.insert(tx, shop, fit.number, fit.as_of, fit)


def read_back(data: ChurnFitted) -> ChurnFit:
    """The fit as it was announced."""
    return ChurnFit(as_of=data.valid_from, **data.model_dump(exclude={"version", "valid_from"}))
