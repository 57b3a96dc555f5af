"""Rules of other services that are read, tried and saved as a whole: segmentation's thresholds, messaging's policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from console.programme.fields import Field
from console.texts import N_

Topics = tuple[tuple[str, tuple[Field, ...]], ...]


class Document(NamedTuple):
    """`key`: the name of the rules in the service's answers; `soonest`: when a version without a date holds."""

    title: str
    lead: str
    service: str
    path: str
    key: str
    soonest: str
    topics: Topics

    @property
    def fields(self) -> dict[str, Field]:
        return {each.path: each for _, fields in self.topics for each in fields}


def base_of(document: Document, body: Mapping[str, Any]) -> dict[str, Any]:
    """What a change is made from: the newest version to come, else the one in force."""
    newest: dict[str, Any] = (body.get("coming") or [body])[-1][document.key]
    return newest


def newest_of(body: Mapping[str, Any]) -> int:
    """The number of the newest version, which a save replaces."""
    return int(body["newest"])


_PERCENT_OF_GAP = N_("In % of the customer's usual gap between orders.")
_ACTIONS = ("apology_ticket", "greeting_call", "coupon", "new_product_trial", "survey_with_gift")
THRESHOLDS = Document(
    N_("Thresholds"),
    N_("When a customer counts as sleeping or lost, and how recency, frequency and money are scored."),
    "segmentation",
    "/thresholds",
    "thresholds",
    N_("Times in {zone}. Empty: in five minutes."),
    (
        (
            N_("Life cycle"),
            (
                Field("life_cycle.active", N_("Active up to"), _PERCENT_OF_GAP, "whole", 1, 10_000),
                Field("life_cycle.sleeping", N_("Sleeping up to"), _PERCENT_OF_GAP, "whole", 1, 10_000),
                Field("life_cycle.pre_churn", N_("Pre-churn up to"), _PERCENT_OF_GAP, "whole", 1, 10_000),
                Field("life_cycle.churned", N_("Churned up to"), N_("Above it: dead."), "whole", 1, 10_000),
                Field("lapse_months", N_("Lapsed after, in months"), N_("Without a completed order."), "whole", 1, 120),
            ),
        ),
        (
            N_("The usual gap"),
            (
                Field(
                    "gap.default_days", N_("Days, until the shop knows"), N_("Of its own orders."), "whole", 1, 3_650
                ),
                Field("gap.shortest_days", N_("Shortest, in days"), N_("A shorter one counts so."), "whole", 1, 3_650),
                Field("gap.longest_days", N_("Longest, in days"), N_("A longer one counts so."), "whole", 1, 3_650),
                Field(
                    "gap.shop_weight",
                    N_("The shop's gap counts as"),
                    N_("So many gaps of the customer's own."),
                    "whole",
                    1,
                    100,
                ),
            ),
        ),
        (
            "RFM",
            (
                Field(
                    "rfm.method",
                    N_("Scored by"),
                    N_("Fixed borders, the shop's means, fifths, or five equal groups."),
                    "choice",
                    choices=("mean", "fixed", "quantile", "equal_groups"),
                ),
                Field(
                    "rfm.window_months", N_("Window in months"), N_("Orders of so many months back."), "whole", 1, 120
                ),
                Field("rfm.recency_days", N_("Recent up to, in days"), N_("Of fixed borders."), "whole", 1, 3_650),
                Field("rfm.frequency", N_("Frequent from, in orders"), N_("Of fixed borders."), "whole", 1, 1_000_000),
                Field("rfm.monetary", N_("Much from, in whole units"), N_("Of fixed borders."), "whole", 0, 10**9),
            ),
        ),
        (
            N_("Warning of churn"),
            (
                Field("churn.gap_percent", N_("Weak from"), _PERCENT_OF_GAP, "whole", 101, 10_000),
                Field("churn.grave_percent", N_("Strong from"), _PERCENT_OF_GAP, "whole", 101, 10_000),
                Field("churn.over_percent", N_("No more from"), _PERCENT_OF_GAP, "whole", 101, 10_000),
                Field(
                    "churn.value_percent",
                    N_("Smaller orders, from"),
                    N_("In % of the usual order value, or less."),
                    "whole",
                    1,
                    99,
                ),
                Field("churn.least_days", N_("Never before, in days"), N_("Of silence."), "whole", 1, 3_650),
            ),
        ),
        (
            N_("Lifetime value"),
            (
                Field("value.horizon_days", N_("Days ahead"), N_("For which it is estimated."), "whole", 1, 3_650),
                Field("value.margin_percent", N_("Margin, %"), N_("What the shop keeps of sales."), "whole", 1, 100),
                Field("value.discount_percent", N_("Discount a year, %"), N_("Later money is less."), "whole", 0, 100),
            ),
        ),
        (
            N_("Winning back, by reason"),
            (
                Field("win_back.service", N_("Bad service"), N_("What is done then."), "choice", choices=_ACTIONS),
                Field(
                    "win_back.nobody_cares", N_("Nobody cared"), N_("What is done then."), "choice", choices=_ACTIONS
                ),
                Field("win_back.price", N_("The price"), N_("What is done then."), "choice", choices=_ACTIONS),
                Field(
                    "win_back.better_product",
                    N_("A better product"),
                    N_("What is done then."),
                    "choice",
                    choices=_ACTIONS,
                ),
                Field(
                    "win_back.other", N_("Another or none known"), N_("What is done then."), "choice", choices=_ACTIONS
                ),
            ),
        ),
    ),
)
_A_MONTH = N_("In a calendar month; empty: the cap over all channels.")
POLICY = Document(
    N_("Rules of contact"),
    N_("When messages may leave and how many a customer gets. Notices about orders are not bound by them."),
    "messaging",
    "/policy",
    "policy",
    N_("Times in {zone}. Empty: from the next decision on; what was decided stays decided."),
    (
        (
            N_("Hours"),
            (
                Field(
                    "windows",
                    N_("Windows, on the customer's clock"),
                    N_("One a line, such as 09:30-11:00 not mon, fri."),
                    "windows",
                ),
                Field("blackout_dates", N_("Days without messages"), N_("Such as 2026-02-17, one a line."), "days"),
            ),
        ),
        (
            N_("Caps"),
            (
                Field("caps.all_channels", N_("Most over all channels"), N_("In a calendar month."), "whole", 0, 1_000),
                *(
                    Field(f"caps.marketing_by_channel.{channel}", label, _A_MONTH, "whole", 0, 1_000, (), True)
                    for channel, label in (
                        ("email", N_("Most by e-mail")),
                        ("sms", N_("Most by text message")),
                        ("chat", N_("Most by chat")),
                    )
                ),
                Field(
                    "caps.survey_every_days",
                    N_("Days between surveys"),
                    N_("Of one customer, at least."),
                    "whole",
                    1,
                    365,
                ),
            ),
        ),
        (
            N_("Too late after, in days"),
            (
                Field("stale_after_days.marketing", N_("Marketing"), N_("Since its cause."), "whole", 1, 365),
                Field("stale_after_days.survey", N_("Surveys"), N_("Since its cause."), "whole", 1, 365),
                Field(
                    "stale_after_days.transactional",
                    N_("Notices about orders"),
                    N_("Since its cause."),
                    "whole",
                    1,
                    365,
                ),
            ),
        ),
        (
            N_("Who answers on social networks"),
            (
                Field(
                    "social_desk.owner",
                    N_("Whose task it is"),
                    N_("Such as social-team; empty: what customers say there is refused, as nobody would see it."),
                    "text",
                    1,
                    100,
                    (),
                    True,
                ),
                Field(
                    "social_desk.answer_within_hours",
                    N_("Answered within, in hours"),
                    N_("Empty: within a day."),
                    "whole",
                    1,
                    168,
                    (),
                    True,
                ),
            ),
        ),
        (
            N_("Sender"),
            (
                Field(
                    "sender_name", N_("Name"), N_("What customers see; empty: the address."), "text", 1, 100, (), True
                ),
                Field("sender_address", N_("Address"), N_("Of the shop's own mail domain."), "text", 3, 320),
                Field(
                    "reply_to",
                    N_("Answers go to"),
                    N_("Empty: nobody reads answers, and texts ask for none."),
                    "text",
                    3,
                    320,
                    (),
                    True,
                ),
            ),
        ),
    ),
)
DOCUMENTS: Mapping[str, Document] = {"thresholds": THRESHOLDS, "contact": POLICY}
"""By the last part of their pages' addresses."""
