"""The console's pages in sections: a header of few words, and within each section its pages."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from console.texts import N_


class Entry(NamedTuple):
    """A page in the navigation. `also`: beginnings of other addresses that belong to it."""

    page: str
    path: str
    label: str
    also: tuple[str, ...] = ()

    def is_at(self, path: str) -> bool:
        """Whether the path within the shop belongs to the page."""
        return any(path == one or path.startswith(f"{one}/") for one in (self.path, *self.also))


class Section(NamedTuple):
    label: str
    entries: tuple[Entry, ...]


SECTIONS = (
    Section(N_("Today"), (Entry("today", "/today", N_("Today")), Entry("kpis", "/kpis", N_("Key figures")))),
    Section(
        N_("Customers"),
        (
            Entry("find_customer", "/customers", N_("Find")),
            Entry("segments", "/segments", N_("Segments"), ("/segment-builder",)),
            Entry("tags", "/tags", N_("Tags")),
            Entry("duplicates", "/identities", N_("Who is who")),
            Entry("privacy_requests", "/privacy-requests", N_("Privacy requests")),
        ),
    ),
    Section(
        N_("Regulars"),
        (
            Entry("regulars", "/regulars", N_("Regulars")),
            Entry("leaving", "/leaving", N_("Value and churn"), ("/reason-form", "/buyer-types")),
        ),
    ),
    Section(
        N_("Reports"),
        (
            Entry("reports", "/reports", N_("Reports")),
            Entry("goals", "/goals", N_("Goals"), ("/goal-form",)),
            Entry("plan", "/plan", N_("Plan")),
            Entry("paperwork", "/paperwork", N_("Paperwork"), ("/paper-form",)),
            Entry("reference", "/reference", N_("Reference")),
        ),
    ),
    Section(
        N_("Messages"),
        (
            Entry("message_list", "/messages", N_("Messages")),
            Entry("flows", "/flows", N_("Flows")),
            Entry("campaigns", "/campaigns", N_("Campaigns"), ("/campaign-builder",)),
            Entry("letters", "/templates", N_("Texts"), ("/template-builder",)),
            Entry("parcels", "/parcels", N_("Parcels"), ("/insert-form",)),
            Entry("recommendations", "/recommendations", N_("Recommendations")),
        ),
    ),
    Section(
        N_("Feedback"),
        (
            Entry("tickets", "/tickets", N_("Tickets")),
            Entry("tasks", "/tasks", N_("Tasks"), ("/task-form",)),
            Entry("staffing", "/staffing", N_("Staffing")),
            Entry("calls", "/calls", N_("Calls")),
            Entry("special_requests", "/special-requests", N_("Special requests")),
            Entry("key_issues", "/understanding", N_("What customers say")),
            Entry("survey_forms", "/survey-results", N_("Surveys"), ("/survey-forms", "/survey-builder")),
            Entry("reviews", "/reviews", N_("Reviews")),
            Entry("content", "/content", N_("Content"), ("/content-form",)),
            Entry("rewards", "/rewards", N_("Reward claims")),
        ),
    ),
    Section(
        N_("Members"),
        (
            Entry("offers", "/offers", N_("Offers"), ("/offer-form", "/offers-calendar", "/coupons", "/coupon-search")),
            Entry("activities", "/activities", N_("Activities"), ("/activity-form",)),
            Entry("communities", "/communities", N_("Communities"), ("/community-form",)),
            Entry("referrals", "/referrals", N_("Referrals"), ("/shared-traits",)),
            Entry("partners", "/partners", N_("Partners"), ("/partner-form",)),
            Entry("payouts", "/payouts", N_("Payouts")),
            Entry("surprises", "/surprises", N_("Surprises"), ("/surprise-form",)),
            Entry("points_owed", "/points-owed", N_("Points owed")),
        ),
    ),
    Section(
        N_("Approvals"),
        (
            Entry("approvals", "/approvals", N_("Approvals")),
            Entry("tier_grants", "/tier-grants", N_("Tiers by hand"), ("/tier-grant-form",)),
        ),
    ),
    Section(N_("Programme"), (Entry("programme", "/programme", N_("Programme"), ("/rules",)),)),
    Section(
        N_("Operations"),
        (
            Entry("health", "/health", N_("Health")),
            Entry("feeds", "/feeds", N_("Feeds")),
            Entry("channels", "/channels", N_("Channels")),
            Entry("imports", "/imports", N_("Imports")),
            Entry("comparisons", "/comparisons", N_("Comparisons")),
            Entry("catalogue", "/catalogue", N_("Catalogue")),
            Entry("dead", "/dead-letters", N_("Dead letters")),
            Entry("keys", "/keys", N_("Keys")),
            Entry(
                "shop_settings", "/settings", N_("Shop settings"), ("/settings-form", "/retention", "/retention-form")
            ),
            Entry("sharing", "/sharing", N_("Given to partners"), ("/sharing-form",)),
            Entry("people", "/people", N_("People")),
            Entry("audit", "/audit", N_("Audit")),
        ),
    ),
)


class Shown(NamedTuple):
    """A section as somebody sees it: where its word leads, its pages, whether it is the one looked at."""

    label: str
    path: str
    entries: list[tuple[Entry, bool]]
    current: bool


def shown(may: Callable[[str], bool], path: str, off: Collection[str] = ()) -> list[Shown]:
    """The sections of which somebody may see a page; `path` is that of the page within the shop.

    `off`: pages that the company's stage leaves out; the one that is looked at is shown all the same.
    """
    found = []
    for section in SECTIONS:
        entries = [
            (each, here)
            for each in section.entries
            if may(each.page) and ((here := each.is_at(path)) or each.page not in off)
        ]
        if entries:
            current = any(here for _, here in entries)
            found.append(Shown(section.label, entries[0][0].path, entries, current))
    return found
