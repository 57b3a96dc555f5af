"""Fits of lifetime value: added once a month, and announced."""

from __future__ import annotations

from common.events.segments import LifetimeValueFitted
from common.storage.database import Transaction
from common.versions.table import tell
from segmentation.lifetime_value.state import LifetimeFit
from segmentation.lifetime_value.store import FITS, discard_portions


async def save_fit(tx: Transaction, shop: str, fit: LifetimeFit) -> bool:
    """Add what was fitted, and announce it; False when another process was first."""
    if not await add_fit(tx, shop, fit):
        return False
    fields = fit.model_dump(exclude={"as_of"})
    await tell(tx, shop, "lifetime_value", LifetimeValueFitted(version=fit.number, valid_from=fit.as_of, **fields))
    return True


async def add_fit(tx: Transaction, shop: str, fit: LifetimeFit) -> bool:
    """Store a fit; False when it is there already. No fold reads it, so it is late for nobody."""
    added = await FITS.insert(tx, shop, fit.number, fit.as_of, fit)
    await discard_portions(tx, shop)
    return added


def read_back(data: LifetimeValueFitted) -> LifetimeFit:
    """The fit as it was announced."""
    return LifetimeFit(as_of=data.valid_from, **data.model_dump(exclude={"version", "valid_from"}))
