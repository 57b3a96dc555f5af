"""A campaign, for tests of all that is done with one."""

from __future__ import annotations

from typing import Any

from messaging.campaigns.document import CampaignDocument

SPRING: dict[str, Any] = {
    "campaign": "spring",
    "title": "Spring",
    "goal": "They come back",
    "starts_at": "2025-03-04T01:00:00Z",
    "variants": [{"name": "a", "template": "win_back"}, {"name": "b", "template": "wake_up", "weight": 3}],
}


def campaign(**changes: Any) -> CampaignDocument:
    return CampaignDocument.model_validate(SPRING | changes)
