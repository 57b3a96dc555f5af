"""Wiring of membership; the commands are serve, migrate, verify, republish."""

from __future__ import annotations

from pathlib import Path

from common.process.runtime import Copied, Service
from common.service.commands import main
from common.verification import in_pages
from membership import handlers
from membership.announcements.store import save_revisions
from membership.api import (
    adjustments,
    badges,
    benefits,
    check_in,
    checkout,
    coupons,
    growth,
    members,
    offers,
    preview,
    programme,
    redemptions,
    statement,
    view,
)
from membership.jobs import balancing, sweeping, verifying

SERVICE = Service(
    name="membership",
    migrations=Path(__file__).resolve().parents[2] / "migrations",
    subscriptions=handlers.SUBSCRIPTIONS,
    routers=(
        members.router,
        statement.router,
        growth.router,
        check_in.router,
        benefits.router,
        offers.router,
        coupons.router,
        checkout.router,
        badges.router,
        view.router,
        redemptions.router,
        adjustments.router,
        programme.router,
        preview.router,
    ),
    jobs=lambda _: (*sweeping.JOBS, sweeping.long_histories(), balancing.job()),
    due=sweeping.due,
    revised=save_revisions,
    copied=(Copied("offers"), Copied("coupons"), Copied("coupon_uses"), Copied("checkouts"), Copied("manual_changes")),
    verify=in_pages(verifying.verify),
)

if __name__ == "__main__":
    main(SERVICE)
