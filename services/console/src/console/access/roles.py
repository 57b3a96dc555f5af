"""Pages and actions, and the roles that may use each: data for routes, templates and tests."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple, get_args

Role = Literal["owner", "marketer", "agent", "operator", "viewer"]
ROLES: tuple[Role, ...] = get_args(Role)
EVERYBODY: frozenset[Role] = frozenset(ROLES)


def _of(*roles: Role) -> frozenset[Role]:
    return frozenset(roles)


class Page(NamedTuple):
    """`roles` who may use it within a shop. `door`: `signed_in` asks for a person but no shop, `open` for nobody.

    `why` is said of open ones.
    """

    roles: frozenset[Role] = EVERYBODY
    door: Literal["shop", "signed_in", "open"] = "shop"
    why: str = ""


PAGES: dict[str, Page] = {
    # Before signing in.
    "live": Page(door="open", why="probes ask without a name; nothing but states is shown"),
    "ready": Page(door="open", why="probes ask without a name; nothing but states is shown"),
    "asset": Page(door="open", why="style and script hold no data"),
    "sign_in": Page(door="open", why="who is not signed in begins here"),
    "send_sign_in": Page(door="open", why="who is not signed in begins here"),
    "provider": Page(door="open", why="who is not signed in is sent to the identity provider"),
    "from_provider": Page(door="open", why="the answer is a secret of this browser that counts once"),
    "invitation": Page(door="open", why="the link is a secret that counts once"),
    "take_invitation": Page(door="open", why="the link is a secret that counts once"),
    "choose_look": Page(door="open", why="language and colours are a cookie of the browser"),
    # Signed in, in no shop.
    "home": Page(door="signed_in"),
    "sign_out": Page(door="signed_in"),
    "account": Page(door="signed_in"),
    "second_factor": Page(door="signed_in"),
    "keep_second_factor": Page(door="signed_in"),
    "drop_second_factor": Page(door="signed_in"),
    "end_sessions": Page(door="signed_in"),
    # In a shop.
    "today": Page(),
    "find_customer": Page(),
    "send_find_customer": Page(),
    "check_bulk_tag": Page(_of("owner", "marketer")),
    "send_bulk_tag": Page(_of("owner", "marketer")),
    "save_view": Page(),
    "share_view": Page(_of("owner", "marketer")),
    "delete_view": Page(),
    "customer": Page(),
    "ledger": Page(),
    "orders": Page(),
    "messages": Page(),
    "one_message": Page(),
    "statement": Page(),
    "timeline": Page(),
    "order": Page(),
    "redeem": Page(_of("owner", "agent")),
    "check_redeem": Page(_of("owner", "agent")),
    "send_redeem": Page(_of("owner", "agent")),
    "redemption": Page(),
    "return_redemption": Page(_of("owner", "agent")),
    "adjust": Page(_of("owner", "agent")),
    "check_adjust": Page(_of("owner", "agent")),
    "send_adjust": Page(_of("owner", "agent")),
    "approvals": Page(),
    "decide_adjustment": Page(_of("owner")),
    "lift_bounce": Page(_of("owner", "agent")),
    "send_lift_bounce": Page(_of("owner", "agent")),
    "tickets": Page(),
    "one_ticket": Page(),
    "send_step": Page(_of("owner", "agent")),
    "check_point": Page(_of("owner", "agent")),
    "rewards": Page(),
    "decide_reward": Page(_of("owner", "agent")),
    "survey_forms": Page(),
    "survey_results": Page(),
    "survey_form": Page(_of("owner", "marketer", "viewer")),
    "save_survey_form": Page(_of("owner", "marketer")),
    "withdraw_survey_form": Page(_of("owner", "marketer")),
    "kpis": Page(),
    "duplicates": Page(),
    "merges": Page(),
    "same_person": Page(),
    "check_merge": Page(_of("owner", "agent")),
    "send_merge": Page(_of("owner", "agent")),
    "send_unmerge": Page(_of("owner", "agent")),
    "erasure": Page(_of("owner")),
    "check_erasure": Page(_of("owner")),
    "send_erasure": Page(_of("owner")),
    "export": Page(_of("owner")),
    "download_export": Page(_of("owner")),
    "profile": Page(),
    "change_tag": Page(_of("owner", "marketer", "agent")),
    "tags": Page(),
    "tag_customers": Page(),
    "segments": Page(),
    "one_segment": Page(),
    "segment_customers": Page(),
    "segment_builder": Page(_of("owner", "marketer")),
    "preview_segment": Page(_of("owner", "marketer")),
    "save_segment": Page(_of("owner", "marketer")),
    "archive_segment": Page(_of("owner", "marketer")),
    "ticket_form": Page(_of("owner", "agent")),
    "open_ticket": Page(_of("owner", "agent")),
    "key_issues": Page(),
    "issue_texts": Page(),
    "flows": Page(),
    "one_flow": Page(),
    "flow_picture": Page(),
    "check_switch": Page(_of("owner", "marketer")),
    "switch_flow": Page(_of("owner", "marketer")),
    "try_flow": Page(_of("owner", "marketer")),
    "campaigns": Page(),
    "one_campaign": Page(),
    "campaign_builder": Page(_of("owner", "marketer")),
    "save_campaign": Page(_of("owner", "marketer")),
    "check_campaign": Page(_of("owner", "marketer")),
    "act_on_campaign": Page(_of("owner", "marketer")),
    "letters": Page(),
    "one_letter": Page(),
    "preview_letter": Page(_of("owner", "marketer", "agent", "viewer")),
    "letter_builder": Page(_of("owner", "marketer")),
    "save_letter": Page(_of("owner", "marketer")),
    "approve_letter": Page(_of("owner", "marketer")),
    "opt_out": Page(_of("owner", "agent")),
    "send_opt_out": Page(_of("owner", "agent")),
    "show_contact": Page(_of("owner", "marketer", "agent")),
    "message_list": Page(),
    "regulars": Page(),
    "cohort": Page(),
    "went": Page(),
    "programme": Page(_of("owner", "marketer", "viewer")),
    "preview_programme": Page(_of("owner", "marketer")),
    "edit_programme": Page(_of("owner", "marketer")),
    "save_programme": Page(_of("owner")),
    "withdraw_programme": Page(_of("owner")),
    "rules": Page(_of("owner", "marketer", "viewer")),
    "preview_rules": Page(_of("owner", "marketer")),
    "save_rules": Page(_of("owner")),
    "check_withdrawal": Page(_of("owner")),
    "withdraw_rules": Page(_of("owner")),
    "imports": Page(_of("owner", "operator", "viewer")),
    "send_import": Page(_of("owner", "operator")),
    "preview_import": Page(_of("owner", "operator")),
    "one_import": Page(_of("owner", "operator", "viewer")),
    "refused_lines": Page(_of("owner", "operator")),
    "dead": Page(_of("owner", "operator", "viewer")),
    "one_dead": Page(_of("owner", "operator", "viewer")),
    "show_dead": Page(_of("operator")),
    "resend_dead": Page(_of("operator")),
    "health": Page(),
    "keys": Page(_of("owner", "operator")),
    "make_key": Page(_of("owner")),
    "revoke_key": Page(_of("owner")),
    "audit": Page(_of("owner")),
}
"""Every route by its name. The app does not start with a route without an entry, nor with an entry of no route."""


class Unlisted(Exception):
    """A route without an entry in PAGES, or an entry without a route."""


def check_listed(routes: Collection[str]) -> None:
    """Raises Unlisted where the routes' names and PAGES differ."""
    missing, idle = sorted(set(routes) - PAGES.keys()), sorted(PAGES.keys() - set(routes))
    if missing or idle:
        raise Unlisted(f"routes without an entry in PAGES: {missing}; entries without a route: {idle}")


def may(role: Role | None, page: str) -> bool:
    """Whether somebody with this role in the shop may use the page."""
    found = PAGES[page]
    return found.door != "shop" or (role is not None and role in found.roles)
