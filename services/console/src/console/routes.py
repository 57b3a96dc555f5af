"""Routes of the desk, of members, of supply, of the programme's year: pages that the shop's people work with."""

from __future__ import annotations

from console.activities import page as activities
from console.catalogue import page as catalogue
from console.communities import page as communities
from console.company import page as company
from console.content import page as content
from console.desk import calls, special, tasks
from console.feedback import building, reviews
from console.goals import page as goals
from console.imports import mending
from console.leaving import page as leaving
from console.members import liability, one, surprises, tiers
from console.offers import page as offers
from console.operations import feeds, pauses, reconciliations, retention, shop_settings
from console.paperwork import forms as paper_forms
from console.paperwork import lists as papers
from console.paperwork import record as paper
from console.parcels import page as parcels
from console.people import page as people
from console.plan import page as plan
from console.privacy import requests as privacy_requests
from console.recommendations import page as recommendations
from console.referrals import page as referrals
from console.referrals import payouts, shared_traits
from console.reports import page as reports
from console.sharing import page as sharing
from console.staffing import page as staffing

DESK = (tasks.router, calls.router, special.router, content.router, reviews.router, building.router)
MEMBERS = (
    offers.router,
    activities.router,
    communities.router,
    referrals.router,
    payouts.router,
    shared_traits.router,
    liability.router,
    surprises.router,
    tiers.router,
    one.router,
    leaving.router,
)
SUPPLY = (
    mending.router,
    feeds.router,
    catalogue.router,
    reconciliations.router,
    privacy_requests.router,
    shop_settings.router,
    retention.router,
    sharing.router,
    people.router,
    parcels.router,
    pauses.router,
    recommendations.router,
)
YEAR = (
    reports.router,
    goals.router,
    plan.router,
    papers.router,
    paper_forms.router,
    paper.router,
    company.router,
    staffing.router,
)
