"""The channel that a customer reacts to is decided first (MSG-015), with the places that both would take."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from common.crypto.keys import CustomerKeyRow
from common.shops.settings import SettingsBody, ShopSettings, Version
from messaging.channels.registry import CHANNELS
from messaging.consent.state import Statement, register_of
from messaging.contacts.state import Contact, ContactAddress
from messaging.decisions.batch import decide_together
from messaging.decisions.state import Known
from messaging.limits.caps.state import Contacted, Places
from messaging.policy.state import Policy, PolicyVersion

from ..situations import TUESDAY_TEN, candidate

DAY = timedelta(days=1)
KEY = ("s", "c")
BOXES = {"email": b"e" * 16, "sms": b"s" * 16}


def known() -> Known:
    long_ago = TUESDAY_TEN - 100 * DAY
    said = [
        Statement(channel, "marketing", long_ago, 30, "/shops/s/shop", channel, "granted", BOXES[channel])
        for channel in ("email", "sms")
    ]
    addresses = {channel: ContactAddress(channel, "", box) for channel, box in BOXES.items()}
    contact = Contact(KEY, 1, long_ago, addresses=addresses)  # type: ignore[arg-type]
    return Known(contact, CustomerKeyRow("k", "w", None), register_of(said, (), BOXES), people=[KEY])  # type: ignore[arg-type]


@pytest.mark.parametrize(("by_reaction", "first"), [(False, "email"), (True, "sms")])
def test_one_of_two_channels_goes_and_it_is_the_one_that_is_opened(by_reaction: bool, first: str) -> None:
    places = Places()
    for days in (40, 45, 50):
        at = TUESDAY_TEN - days * DAY
        places.take(KEY, None, Contacted(at, "marketing", "email", f"t{days}", "greeting", f"e/{days}"))
        opened = Contacted(at, "marketing", "sms", f"u{days}", "greeting", f"s/{days}", at + DAY)
        places.take(KEY, None, opened)
    policy = Policy(channels=("email", "sms"), one_channel=True, by_reaction=by_reaction)
    made = candidate(template="birthday")
    waiting = [made, replace(made, channel="sms", message_id="other")]
    shop = ShopSettings([Version(TUESDAY_TEN - 999 * DAY, 1, SettingsBody(zone="Asia/Shanghai", currency="CNY"))])
    decided = decide_together(
        waiting,
        {KEY: known()},
        places,
        PolicyVersion(1, policy),
        shop,
        CHANNELS,
        {made.flow},
        TUESDAY_TEN,
        replay=False,
    )
    found = [(d.candidate.channel, d.decision.outcome, d.decision.reason) for d in decided]
    other = "sms" if first == "email" else "email"
    assert found == [(first, "send", "allowed"), (other, "suppress", "superseded")]
