"""The rules of contact, as tables: windows, caps, permission, the decision, flows, texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from common.events import Event
from common.events.membership import TierChanged
from common.events.orders import OrderCompleted, OrderPlaced, OrderShipped
from common.events.segments import SegmentEntered
from messaging.domain.caps import Contacted, cap_reached, month_of
from messaging.domain.decision import CONTACT_WAIT, Situation, decide
from messaging.domain.flows import FLOWS, Candidate, Condition, Kind, candidates_for
from messaging.domain.obsolete import is_obsolete
from messaging.domain.permission import Statement, standing_at
from messaging.domain.policy import DEFAULT_POLICY, Caps, Policy
from messaging.domain.rendering import IncompleteText, render
from messaging.domain.windows import DEFAULT_WINDOWS, NoWindow, Window, opening_for

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")
TUESDAY_TEN = datetime(2025, 3, 4, 10, tzinfo=SHANGHAI)


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    """An instant from a local time such as `2025-03-04 09:29`."""
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def candidate(flow: str = "tier", cause_at: datetime = TUESDAY_TEN, **changes: Any) -> Candidate:
    made = Candidate(
        shop="s", customer="c", message_id=f"id-{flow}", flow=flow, channel="email", cause="cause", cause_at=cause_at,
        due_at=cause_at, release_at=cause_at,
    )  # fmt: skip
    return replace(made, **changes)


def situation(**changes: Any) -> Situation:
    return replace(Situation(policy=DEFAULT_POLICY, shop_zone=SHANGHAI, zone=SHANGHAI), **changes)


# 2025-03-03 is a Monday.
@pytest.mark.parametrize(
    ("asked", "leaves"),
    [
        # T-4.14, MSG-001 to MSG-003
        ("2025-03-04 09:29", "2025-03-04 09:30"),
        ("2025-03-04 09:30", "2025-03-04 09:30"),
        ("2025-03-04 10:59", "2025-03-04 10:59"),
        ("2025-03-04 11:00", "2025-03-04 14:30"),
        ("2025-03-04 12:00", "2025-03-04 14:30"),
        ("2025-03-04 16:30", "2025-03-04 19:30"),
        ("2025-03-04 21:00", "2025-03-05 09:30"),
        # T-4.15, MSG-004 and MSG-005
        ("2025-03-03 10:00", "2025-03-03 14:30"),
        ("2025-03-03 15:00", "2025-03-03 15:00"),
        ("2025-03-07 10:00", "2025-03-07 10:00"),
        ("2025-03-07 15:00", "2025-03-07 19:30"),
        ("2025-03-09 21:30", "2025-03-10 14:30"),
    ],
)
def test_a_marketing_message_leaves_in_the_next_window(asked: str, leaves: str) -> None:
    """T-4.14, T-4.15, MSG-001 to 005: start-inclusive, end-exclusive; not on Monday morning or Friday afternoon."""
    decision = decide(candidate(cause_at=at(asked)), situation(), at(asked))
    if asked == leaves:
        assert (decision.outcome, decision.reason) == ("send", "allowed")
    else:
        assert (decision.outcome, decision.reason, decision.until) == ("hold", "window", at(leaves))


def test_the_window_is_the_recipients_not_the_shops() -> None:
    """Contact hours are in the recipient's zone (architecture.md section 3)."""
    ten_in_shanghai = at("2025-03-04 10:00")  # 21:00 of Monday in New York
    decision = decide(candidate(cause_at=ten_in_shanghai), situation(zone=NEW_YORK), ten_in_shanghai)
    assert decision.until == at("2025-03-04 09:30", NEW_YORK)


@pytest.mark.parametrize(
    ("window", "asked", "start", "end"),
    [
        # Spring, 2025-03-09 02:00 to 03:00 is skipped: the window begins with the jump and is half an hour long.
        ((time(2, 30), time(3, 30)), "2025-03-09T05:00Z", "2025-03-09T07:00Z", "2025-03-09T07:30Z"),
        # Spring, a window inside the skipped hour does not exist that day: the next day's is taken.
        ((time(2, 10), time(2, 50)), "2025-03-09T05:00Z", "2025-03-10T06:10Z", "2025-03-10T06:50Z"),
        # Autumn, 01:00 to 02:00 comes twice: the window holds both.
        ((time(1), time(2)), "2025-11-02T04:00Z", "2025-11-02T05:00Z", "2025-11-02T07:00Z"),
        # Autumn, in the second 01:15 the window is still open.
        ((time(1), time(2)), "2025-11-02T06:15Z", "2025-11-02T05:00Z", "2025-11-02T07:00Z"),
        # The default morning window, an hour earlier in UTC after the jump.
        ((time(9, 30), time(11)), "2025-03-08T12:00Z", "2025-03-08T14:30Z", "2025-03-08T16:00Z"),
        ((time(9, 30), time(11)), "2025-03-09T12:00Z", "2025-03-09T13:30Z", "2025-03-09T15:00Z"),
    ],
)
def test_windows_follow_daylight_saving_time(window: tuple[time, time], asked: str, start: str, end: str) -> None:
    opening = opening_for([Window(start=window[0], end=window[1])], datetime.fromisoformat(asked), NEW_YORK)
    assert (opening.start, opening.end) == (datetime.fromisoformat(start), datetime.fromisoformat(end))


def test_blackout_dates_close_whole_days() -> None:
    """MSG-006: such time slots are configuration."""
    blackouts = frozenset({date(2025, 3, 4), date(2025, 3, 5)})
    assert opening_for(DEFAULT_WINDOWS, TUESDAY_TEN, SHANGHAI, blackouts).start == at("2025-03-06 09:30")


def test_no_day_left_to_open_is_said() -> None:
    every_day = frozenset(date(2025, 3, 4) + timedelta(days=n) for n in range(500))
    with pytest.raises(NoWindow):
        opening_for(DEFAULT_WINDOWS, TUESDAY_TEN, SHANGHAI, every_day)


ZONES = st.sampled_from(["Asia/Shanghai", "America/New_York", "Europe/London", "Pacific/Apia", "Africa/Casablanca"])
INSTANTS = st.datetimes(datetime(1995, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@given(instant=INSTANTS, zone=ZONES)
def test_a_message_leaves_only_inside_a_window_and_never_before_it_was_asked(instant: datetime, zone: str) -> None:
    """MSG-001 to 005, at any instant in any zone."""
    recipient = ZoneInfo(zone)
    opening = opening_for(DEFAULT_WINDOWS, instant, recipient)
    leaves = max(instant, opening.start).astimezone(recipient)
    assert instant < opening.end
    assert leaves >= instant
    open_windows = [w for w in DEFAULT_WINDOWS if ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][leaves.weekday()]
                    not in w.closed_on and w.start <= leaves.time() < w.end]  # fmt: skip
    assert len(open_windows) == 1
    assert opening_for(DEFAULT_WINDOWS, leaves, recipient) == opening, "a released message is not held again"


def sent(*times: str, kind: Kind = "marketing", channel: str = "email") -> list[Contacted]:
    return [Contacted(at(t), kind, channel) for t in times]  # type: ignore[arg-type]


THREE = sent("2025-03-01 10:00", "2025-03-01 15:00", "2025-03-02 10:00")


@pytest.mark.parametrize(
    ("flow", "so_far", "expected"),
    [
        ("tier", THREE[:2], ("send", "allowed")),
        ("tier", THREE, ("suppress", "cap")),  # T-4.16, MSG-007: the fourth
        ("order_shipped", THREE, ("send", "allowed")),  # T-4.16, MSG-008: logistics pass
        ("survey", THREE, ("send", "allowed")),  # surveys are not counted in a channel's three
        ("survey", sent("2025-02-03 10:01", kind="survey"), ("suppress", "cap")),  # one in 30 days
        ("survey", sent("2025-02-02 10:00", kind="survey"), ("send", "allowed")),
        ("tier", sent("2025-02-26 10:00", "2025-02-27 10:00", "2025-02-28 10:00"), ("send", "allowed")),
        ("tier", sent("2025-03-01 10:00", "2025-03-01 15:00", "2025-03-02 10:00", channel="sms"), ("send", "allowed")),
        # C-8: all channels together, six
        ("tier", THREE[:2] + sent(*["2025-03-02 15:00"] * 3, channel="sms") + sent("2025-03-02 20:00", kind="survey"),
         ("suppress", "cap")),
        ("survey", THREE + sent(*["2025-03-02 15:00"] * 3, channel="sms"), ("suppress", "cap")),
    ],
)  # fmt: skip
def test_caps_by_calendar_month(flow: str, so_far: Sequence[Contacted], expected: tuple[str, str]) -> None:
    """MSG-007, T-4.16, C-8: hard caps, per channel and over all; transactional messages pass and do not count."""
    decision = decide(candidate(flow), situation(contacted=so_far), TUESDAY_TEN)
    assert (decision.outcome, decision.reason) == expected


def test_the_month_of_the_cap_is_the_shops() -> None:
    """MSG-007, XCT-020: an evening of 31 March in New York is April in Shanghai."""
    instant = at("2025-03-31 20:00", NEW_YORK)
    assert (month_of(instant, NEW_YORK), month_of(instant, SHANGHAI)) == (date(2025, 3, 1), date(2025, 4, 1))


@given(
    kinds=st.lists(st.tuples(st.sampled_from(["marketing", "survey", "transactional"]),
                             st.sampled_from(["email", "sms", "chat"]), INSTANTS), max_size=40),
    per_channel=st.integers(0, 4), over_all=st.integers(0, 8),
)  # fmt: skip
def test_no_sequence_of_messages_exceeds_a_cap(
    kinds: list[tuple[Any, Any, datetime]], per_channel: int, over_all: int
) -> None:
    """M3, MSG-007, C-8: whatever is asked, what goes stays within every cap, and what is refused had no room."""
    caps = Caps(marketing_by_channel={"email": per_channel, "sms": per_channel}, all_channels=over_all)
    # A few months, so that caps are met.
    asked = [(k, c, t.replace(year=2025, month=1 + t.month % 3)) if t.day < 29 else (k, c, t) for k, c, t in kinds]
    so_far: list[Contacted] = []
    for kind, channel, when in asked:
        if cap_reached(caps, so_far, kind, channel, when, SHANGHAI) is None:
            so_far.append(Contacted(when, kind, channel))
        else:
            assert kind != "transactional"
    months = {month_of(c.at, SHANGHAI) for c in so_far}
    for month in months:
        counted = [c for c in so_far if c.kind != "transactional" and month_of(c.at, SHANGHAI) == month]
        assert len(counted) <= over_all
        for channel in ("email", "sms"):
            assert sum(1 for c in counted if c.kind == "marketing" and c.channel == channel) <= per_channel
    surveys = sorted(c.at for c in so_far if c.kind == "survey")
    assert all(b - a >= timedelta(days=30) for a, b in pairwise(surveys))


@pytest.mark.parametrize(
    ("what", "flow", "changes", "expected"),
    [
        ("nothing forbids it", "tier", {}, ("send", "allowed")),
        ("no consent was ever recorded", "tier", {"standing": None}, ("suppress", "no_consent")),
        ("a survey needs consent too", "survey", {"standing": None}, ("suppress", "no_consent")),
        ("consent was withdrawn", "tier", {"standing": "withdrawn"}, ("suppress", "consent_withdrawn")),
        ("the customer opted out", "tier", {"standing": "opted_out"}, ("suppress", "opted_out")),
        ("a notice passes an opt-out", "order_shipped", {"standing": "opted_out"}, ("send", "allowed")),
        ("a notice needs no consent", "order_paid", {"standing": None}, ("send", "allowed")),
        ("there is no address", "order_paid", {"has_address": False}, ("suppress", "no_address")),
        ("the address bounced for good", "order_paid", {"bounced": True}, ("suppress", "bounced")),
        ("the customer was erased", "order_paid", {"key": "erased"}, ("suppress", "erased")),
        ("the key has not come yet", "order_paid", {"key": "missing"}, ("hold", "key_missing")),
        ("no consent counts before a missing key", "tier", {"key": "missing", "standing": None},
         ("suppress", "no_consent")),
        ("it is not so any more", "tier", {"obsolete": True}, ("suppress", "obsolete")),
        ("another one took this window", "tier", {"contacted": sent("2025-03-04 09:45")}, ("hold", "window_taken")),
        ("a notice takes no window", "tier", {"contacted": sent("2025-03-04 09:45", kind="transactional")},
         ("send", "allowed")),
    ],
)  # fmt: skip
def test_one_decision_with_its_reason(what: str, flow: str, changes: dict[str, Any], expected: tuple[str, str]) -> None:
    """SEC-005, MSG-008, MSG-009."""
    decision = decide(candidate(flow), situation(**changes), TUESDAY_TEN)
    assert (decision.outcome, decision.reason) == expected, what


@pytest.mark.parametrize(("flow", "days"), [("tier", 3), ("lapse", 3), ("survey", 14), ("order_shipped", 7)])
def test_old_news_writes_to_nobody(flow: str, days: int) -> None:
    """Stale after 3 days (marketing), 14 (survey), 7 (transactional) since the cause."""
    still = candidate(flow, TUESDAY_TEN - timedelta(days=days))
    assert decide(still, situation(), TUESDAY_TEN).outcome == "send"
    too_old = candidate(flow, TUESDAY_TEN - timedelta(days=days, seconds=1))
    assert decide(too_old, situation(), TUESDAY_TEN).reason == "stale"


def test_a_customer_not_read_yet_is_waited_for_once() -> None:
    """The order may be read before the registration that was sent with it."""
    unknown = situation(contact_known=False, has_address=False, key="missing")
    first = decide(candidate("order_placed"), unknown, TUESDAY_TEN)
    assert (first.outcome, first.reason, first.until) == ("hold", "contact_unknown", TUESDAY_TEN + CONTACT_WAIT)
    assert decide(candidate("order_placed"), unknown, TUESDAY_TEN + CONTACT_WAIT).reason == "no_address"


def said(standing: Any, when: str, rank: int = 30, id: str = "1") -> Statement:
    return Statement("email", "marketing", at(when), rank, "/shops/s/x", id, standing)


def test_the_newest_statement_holds_whatever_order_it_came_in() -> None:
    """SEC-005: newest `time` wins; an opt-out at the same instant as a consent wins over it."""
    given_, withdrawn = said("granted", "2025-03-01 10:00"), said("withdrawn", "2025-03-02 10:00")
    opted_out = said("opted_out", "2025-03-02 10:00", rank=60)
    for order in ([given_, withdrawn, opted_out], [opted_out, withdrawn, given_]):
        assert standing_at(order, "email", "marketing", TUESDAY_TEN) == "opted_out"
        assert standing_at(order, "email", "marketing", at("2025-03-01 23:00")) == "granted"
        assert standing_at(order, "email", "survey", TUESDAY_TEN) is None
        assert standing_at(order, "sms", "marketing", TUESDAY_TEN) is None


def test_a_win_back_is_obsolete_once_the_customer_bought_or_left_the_segment() -> None:
    lapsed = candidate("lapse", condition=Condition("lapsed/2025-01-04", 5, "in"))
    left = (at("2025-03-04 09:00"), Condition("lapsed/2025-01-04", 6, "out"))
    later = TUESDAY_TEN + timedelta(hours=1)
    assert not is_obsolete(lapsed, [], [], later)
    assert is_obsolete(lapsed, [], [TUESDAY_TEN + timedelta(minutes=1)], later)
    assert not is_obsolete(lapsed, [], [later + timedelta(minutes=1)], later), "not by what happens after the decision"
    assert not is_obsolete(lapsed, [], [TUESDAY_TEN - timedelta(days=60)], later)
    assert is_obsolete(lapsed, [left], [], later)
    assert not is_obsolete(lapsed, [(left[0], replace(left[1], subject="lapsed/2024-01-01"))], [], later)


def test_a_tier_message_is_obsolete_once_a_newer_revision_names_another_tier() -> None:
    """Of another service's facts about a customer the highest revision counts."""
    senior = candidate("tier", condition=Condition("tier", 3, "Senior"))
    assert is_obsolete(senior, [(TUESDAY_TEN, Condition("tier", 4, "VIP"))], [], TUESDAY_TEN)
    assert not is_obsolete(senior, [(TUESDAY_TEN, Condition("tier", 4, "Senior"))], [], TUESDAY_TEN)
    assert not is_obsolete(senior, [(TUESDAY_TEN, Condition("tier", 2, "Regular"))], [], TUESDAY_TEN)


def event(data: Any, id: str = "e1", subject: str | None = "c") -> Event[Any]:
    return Event(id=id, source="/shops/s/x", shop="s", subject=subject, time=TUESDAY_TEN, data=data)


def order(kind: Any, state: str) -> Any:
    return kind(order_id="o1", state=state, currency="CNY", goods_paid=100, tracking="SF1")


@pytest.mark.parametrize(
    ("data", "flows"),
    [
        (order(OrderPlaced, "placed"), ["order_placed"]),
        (order(OrderShipped, "shipped"), ["order_shipped"]),
        (order(OrderCompleted, "completed"), []),  # a history without states notifies nobody
        (TierChanged(old="Regular", new="Senior", direction="up", reason="upgrade"), ["tier"]),
        (TierChanged(old="Senior", new="Regular", direction="down", reason="downgrade"), []),
        (TierChanged(old="Senior", new="Senior", direction="same", reason="renewal"), []),
        (SegmentEntered(segment="lapsed", episode="2025-01-04", since=TUESDAY_TEN), ["lapse"]),
        (SegmentEntered(segment="vip_city", episode="1", since=TUESDAY_TEN), []),
    ],
)
def test_which_event_makes_which_candidate(data: Any, flows: list[str]) -> None:
    """MSG-037, MSG-038: lapse, order confirmation and shipping notice are triggered by their events."""
    assert [c.flow for c in candidates_for(event(data))] == flows
    assert candidates_for(event(data, subject=None)) == []


def test_the_same_cause_makes_the_same_message_however_often_it_is_told() -> None:
    """MSG-037: once per lapse episode; one notice for each state of an order."""
    entered = SegmentEntered(segment="lapsed", episode="2025-01-04", since=TUESDAY_TEN)
    first, again = candidates_for(event(entered, "e1")), candidates_for(event(entered, "e2"))
    assert first[0].message_id == again[0].message_id
    other = SegmentEntered(segment="lapsed", episode="2025-09-09", since=TUESDAY_TEN)
    assert candidates_for(event(other))[0].message_id != first[0].message_id


DETAILS: dict[str, dict[str, str]] = {
    "tier": {"tier": "VIP"}, "survey": {"order_id": "o1", "answer_url": "https://shop.example/a"}, "lapse": {},
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh-CN", "fr", None])
@pytest.mark.parametrize("flow", sorted(FLOWS))
def test_every_flow_has_its_text_in_every_language(flow: str, language: str | None) -> None:
    """MSG-009, SEC-005: every marketing message and survey carries its unsubscribe link; notices carry none."""
    url = None if FLOWS[flow].kind == "transactional" else "https://shop.example/unsubscribe/t"
    values = {**DETAILS.get(flow, {"order_id": "o1"}), "name": "O'Brien & Söhne", "shop_name": "Shop",
              "unsubscribe_url": url}  # fmt: skip
    rendered = render(flow, language, values)
    assert rendered.subject
    assert "\n" not in rendered.subject
    assert "O'Brien & Söhne" in rendered.text
    assert ("unsubscribe/t" in rendered.text) == (url is not None)
    assert "{" not in rendered.text + rendered.subject


def test_a_name_is_text_and_never_a_template_and_a_missing_value_is_said() -> None:
    values = {"order_id": "o1\r\nBcc: x@y.z", "name": "{{ 7 * 7 }}", "shop_name": "S", "unsubscribe_url": None}
    rendered = render("order_paid", "en", values)
    assert "{{ 7 * 7 }}" in rendered.text
    assert "\n" not in rendered.subject
    with pytest.raises(IncompleteText, match="order_id"):
        render("order_paid", "en", {k: v for k, v in values.items() if k != "order_id"})


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"windows": []}, "at least 1"),
        ({"windows": [{"start": "11:00", "end": "09:30"}]}, "must end after it starts"),
        ({"windows": [{"start": "09:00", "end": "11:00"}, {"start": "10:00", "end": "12:00"}]}, "overlap"),
        ({"windows": [{"start": "09:00", "end": "11:00",
                       "closed_on": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}]}, "closed on every weekday"),
        ({"caps": {"all_channels": -1}}, "greater than or equal to 0"),
        ({"caps": {"all_chanels": 1}}, "not permitted"),
        ({"stale_after_days": {"marketing": 0}}, "greater than or equal to 1"),
        ({"sender_name": "Shop\r\nBcc: a@b.c"}, "match pattern"),
        ({"sender_address": "nobody"}, "match pattern"),
    ],
)  # fmt: skip
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, Any], says: str) -> None:
    """MSG-006: windows and caps are configuration, and validated."""
    with pytest.raises(ValidationError, match=says):
        Policy.model_validate(wrong)
