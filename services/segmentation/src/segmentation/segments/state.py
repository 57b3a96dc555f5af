"""The segments that can be listed: kinds, and the values of each."""

from __future__ import annotations

from typing import Literal

SegmentKind = Literal["stage", "lifecycle", "rfm", "lapsed"]
VALUES: dict[SegmentKind, tuple[str, ...]] = {
    "stage": ("prospect", "new", "returning"),
    "lifecycle": ("active", "sleeping", "pre_churn", "churned", "dead"),
    "rfm": ("important_value", "important_development", "important_keep", "general_value"),
    "lapsed": ("true", "false"),
}
