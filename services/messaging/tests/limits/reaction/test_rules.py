"""Which channel goes first, by what the customer reacts to (MSG-014, MSG-015)."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from common.events.customers import Channel
from messaging.limits.caps.state import Contacted
from messaging.limits.fatigue.rules import fatigue_score
from messaging.limits.reaction.rules import JUDGED_FROM, LOOK_BACK, Reaction, in_order, last_reaction, reactions

from ...situations import TUESDAY_TEN as NOW

DAY = timedelta(days=1)
NAMED: list[Channel] = ["email", "sms", "chat", "inbox"]


def sent(channel: Channel, days: int, *, reacted: bool = False) -> Contacted:
    at = NOW - days * DAY
    return Contacted(at, "marketing", channel, reacted_at=at + timedelta(hours=1) if reacted else None)


def test_the_channel_that_is_opened_goes_first() -> None:
    so_far = [sent("email", n) for n in (1, 2, 3)] + [sent("sms", n, reacted=n > 1) for n in (1, 2, 3)]
    assert reactions(so_far, NOW) == {"email": Reaction(3, 0), "sms": Reaction(3, 2)}
    assert in_order(NAMED, so_far, NOW) == ["sms", "chat", "inbox", "email"], "one that was not tried is the mean"


def test_too_few_messages_tell_nothing() -> None:
    so_far = [sent("sms", n, reacted=True) for n in range(1, JUDGED_FROM)]
    assert in_order(NAMED, so_far, NOW) == NAMED
    assert in_order(NAMED, [], NOW) == NAMED


def test_what_was_long_ago_or_is_not_yet_so_counts_for_nothing() -> None:
    """A replay looks at each message at its own instant."""
    old = [sent("sms", LOOK_BACK.days + n, reacted=True) for n in (1, 2, 3)]
    assert in_order(NAMED, old, NOW) == NAMED
    so_far = [sent("sms", n, reacted=True) for n in (1, 2, 3)]
    assert reactions(so_far, NOW - 3 * DAY) == {"sms": Reaction(1, 0)}
    assert last_reaction(so_far, NOW - 3 * DAY) is None


def test_a_reaction_ends_fatigue_as_an_order_does() -> None:
    """MSG-014."""
    so_far = [sent("email", n, reacted=n == 3) for n in range(1, 8)]
    assert fatigue_score(so_far, [], 0, NOW) == 7
    woken = last_reaction(so_far, NOW)
    assert woken is not None
    assert fatigue_score(so_far, [woken], 0, NOW) == 2


@given(st.lists(st.tuples(st.sampled_from(NAMED), st.integers(0, 300), st.booleans()), max_size=30))
def test_no_channel_is_lost_and_none_comes_twice(said: list[tuple[Channel, int, bool]]) -> None:
    so_far = [sent(channel, days, reacted=reacted) for channel, days, reacted in said]
    assert sorted(in_order(NAMED, so_far, NOW)) == sorted(NAMED)
