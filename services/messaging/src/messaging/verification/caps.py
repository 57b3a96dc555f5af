"""No more messages hold a place than the caps allow, for the customer and at each of their addresses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

from messaging.limits.caps.rules import month_of
from messaging.verification.state import HOLDING, History, Message


def of_caps(h: History) -> Iterator[str]:
    """No more messages hold a place than the most generous policy they were decided by allows."""
    if h.once_merged:
        return  # before they were merged each had places of its own
    holding = [m for m in h.messages.values() if m.purpose != "transactional" and m.state in HOLDING]
    version = {(d.message_id, d.at): d.policy_version for d in h.decisions if d.outcome == "send"}
    months: dict[str, list[Message]] = {}
    for m in holding:
        month, *others = {f"{month_of(m.at, zone):%Y-%m}" for zone in h.shop_zones}
        if not others:  # in two months by two zones of the shop: which one counted is not kept
            months.setdefault(month, []).append(m)
    for month, sent in sorted(months.items()):
        policies = [p for m in sent if (p := h.policies.get(version.get((m.message_id, m.at), -1))) is not None]
        if not policies:
            continue  # said of each of them already
        most = max(p.caps.all_channels for p in policies)
        if len(sent) > most:
            yield f"{len(sent)} messages in {month}, {most} are allowed"
        for channel, count in Counter(m.channel for m in sent if m.purpose == "marketing").items():
            most = max(p.caps.for_channel(channel) for p in policies)
            if count > most:
                yield f"{count} marketing messages by {channel} in {month}, {most} are allowed"
        apart = timedelta(days=min(p.caps.survey_every_days for p in policies))
        surveys = sorted(m.at for m in holding if m.purpose == "survey")
        later = {m.at for m in sent}
        if any(b - a < apart for a, b in pairwise(surveys) if b in later):
            yield f"two surveys within {apart.days} days in {month}"
    for end, count in Counter(m.leave_before for m in holding if m.leave_before is not None).items():
        if count > 1:
            yield f"{count} messages in the window that ends at {end.isoformat()}"
    for address in h.addresses.values():
        yield from _at_address(h, [m for m in (*h.messages.values(), *h.here) if m.address == address])


def _at_address(h: History, sent: Sequence[Message]) -> Iterator[str]:
    """No more messages to one address, under all its ids, than the most generous policy of the shop ever allowed."""
    holding = [m for m in sent if m.purpose != "transactional" and m.state in HOLDING]
    if len(h.shop_zones) == 1:
        month = {m.message_id: f"{month_of(m.at, h.shop_zones[0]):%Y-%m}" for m in holding}
        most = max(p.caps.all_channels for p in h.policies.values())
        for of, count in sorted(Counter(month.values()).items()):
            if count > most:
                yield f"{count} messages in {of} to one address, {most} are allowed"
        offers = [m for m in holding if m.purpose == "marketing"]
        for (of, channel), count in sorted(Counter((month[m.message_id], m.channel) for m in offers).items()):
            most = max(p.caps.for_channel(channel) for p in h.policies.values())
            if count > most:
                yield f"{count} marketing messages by {channel} in {of} to one address, {most} are allowed"
    apart = timedelta(days=min(p.caps.survey_every_days for p in h.policies.values()))
    surveys = sorted(m.at for m in holding if m.purpose == "survey")
    if any(b - a < apart for a, b in pairwise(surveys)):
        yield f"two surveys within {apart.days} days to one address"
