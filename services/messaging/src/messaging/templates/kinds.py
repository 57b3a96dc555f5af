"""What the texts of the library are about; a shop's own template says it itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from messaging.templates.document import Kind, TemplateDocument

Kinds = Callable[[str, str], str]
"""What a template of a shop is about: (shop, template) to kind."""

GREETINGS = frozenset(
    {"birthday", "anniversary", "holiday_greeting", "thank_you", "wake_up", "complaint_follow_up", "tier"}
)
SERVICE = ("order_", "parcel_", "deliver", "survey", "complaint_resolved", "review_request")
INFORMATION = frozenset({"new_arrival", "member_day", "tier_drop", "points_expiring", "nurture_first", "replenish"})


def kind_of(template: str) -> Kind:
    """What a template of the library is about; of an unknown one it is taken for a promotion."""
    if template in GREETINGS:
        return "greeting"
    if template.startswith(SERVICE):
        return "service"
    return "information" if template in INFORMATION else "promotion"


def library_kinds(_shop: str, template: str) -> str:
    """By the library alone."""
    return kind_of(template)


def kinds_with(own: Mapping[tuple[str, str], TemplateDocument]) -> Kinds:
    """By the shops' own templates, else by the library."""
    return lambda shop, template: own[(shop, template)].kind if (shop, template) in own else kind_of(template)
