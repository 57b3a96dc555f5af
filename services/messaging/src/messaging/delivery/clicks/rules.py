"""Whether it was a person who followed a link: mail filters and previews follow every link, most of them at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

JUDGED_AFTER = timedelta(seconds=60)
"""By then what a program does beside a hit is known."""
AFTER_HAND_OFF = timedelta(seconds=10)
"""Filters follow links before they put the mail into the mailbox; nobody reads so fast."""
TOGETHER = timedelta(seconds=2)
"""Two links of a mail followed within this were followed by a program."""
_ROBOTS = re.compile(
    r"bot\b|bot/|crawl|spider|preview|scan|fetch|monitor|headless|phantom|curl|wget|python|java/|okhttp|go-http|"
    r"libwww|httpclient|axios|facebookexternalhit|whatsapp|telegram|slack|skypeuripreview|barracuda|proofpoint|"
    r"mimecast|safelinks|urldefense|googleimageproxy|ggpht|yahoomailproxy|microsoft office|ms-office",
    re.IGNORECASE,
)


class Hit(NamedTuple):
    """A link of a message was asked for; `robot`: by a program that says so."""

    link: int
    at: datetime
    robot: bool


def is_robot(agent: str | None, purpose: str | None = None) -> bool:
    """Whether the request says that it comes from a program: by its User-Agent, none at all, or as a prefetch."""
    if not agent or (purpose or "").lower().startswith("prefetch"):
        return True
    return _ROBOTS.search(agent) is not None


def by_a_person(hit: Hit, all_hits: Sequence[Hit], sent_at: datetime | None) -> bool:
    """Whether a person followed the link, judged by all hits on links of the same message."""
    if hit.robot or (sent_at is not None and hit.at < sent_at + AFTER_HAND_OFF):
        return False
    return not any(other.link != hit.link and abs(other.at - hit.at) <= TOGETHER for other in all_hits)
