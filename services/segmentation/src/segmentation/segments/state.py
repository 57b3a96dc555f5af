"""The segments that can be listed: kinds, and the values of each."""

from __future__ import annotations

from typing import Literal

from segmentation.attributes.churn_reason.rules import REASONS
from segmentation.attributes.rfm.groups import GROUPS

SegmentKind = Literal["stage", "lifecycle", "rfm", "rfm_group", "lapsed", "churn_risk", "churn_reason"]
VALUES: dict[SegmentKind, tuple[str, ...]] = {
    "stage": ("prospect", "new", "returning"),
    "lifecycle": ("active", "sleeping", "pre_churn", "churned", "dead"),
    "rfm": ("important_value", "important_development", "important_keep", "general_value"),
    "rfm_group": tuple(dict.fromkeys(name for names in GROUPS.values() for name in names)),
    "lapsed": ("true", "false"),
    "churn_risk": ("weak", "strong"),
    "churn_reason": REASONS,
}
