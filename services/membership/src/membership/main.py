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
    communities,
    costs,
    coupon_effect,
    coupons,
    growth,
    joint_campaigns,
    liability,
    members,
    offers,
    partners,
    path,
    payouts,
    places,
    posts,
    preview,
    programme,
    redemptions,
    referrals,
    report,
    statement,
    surprises,
    tier_changes,
    tier_grants,
    traits,
    view,
)
from membership.jobs import balancing, sweeping, verifying
from membership.jobs import liability as liability_walk

SERVICE = Service(
    name="membership",
    migrations=Path(__file__).resolve().parents[2] / "migrations",
    subscriptions=handlers.SUBSCRIPTIONS,
    routers=(
        checkout.asked,  # tried first, since it is asked most
        members.router,
        path.router,
        report.router,
        statement.router,
        growth.router,
        tier_changes.router,
        check_in.router,
        benefits.router,
        offers.router,
        coupons.router,
        coupon_effect.router,
        checkout.router,
        badges.router,
        view.router,
        redemptions.router,
        adjustments.router,
        tier_grants.router,
        payouts.router,
        referrals.router,
        traits.router,
        partners.router,
        joint_campaigns.router,
        communities.router,
        posts.router,
        surprises.router,
        places.router,
        liability.router,
        costs.router,
        programme.router,
        preview.router,
    ),
    jobs=lambda _: (*sweeping.JOBS, sweeping.long_histories(), balancing.job(), liability_walk.job()),
    due=sweeping.due,
    revised=save_revisions,
    copied=tuple(
        map(
            Copied,
            (
                "activities",
                "activity_entries",
                "communities",
                "joint_campaigns",
                "joint_deliveries",
                "community_members",
                "community_posts",
                "offers",
                "coupons",
                "coupon_uses",
                "coupon_hold_outs",
                "checkouts",
                "manual_changes",
                "payouts",
                "partners",
                "referral_codes",
                "referrals",
                "referral_traits",
                "surprises",
                "surprise_months",
            ),
        )
    ),
    verify=in_pages(verifying.verify),
)

if __name__ == "__main__":
    main(SERVICE)
