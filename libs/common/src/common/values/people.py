"""People as callers name them: who decided something, who proposed it."""

from __future__ import annotations

from common.values.names import plain_name


def is_same_person(one: str, other: str) -> bool:
    """Whether two names that people type are one name: case, width, white space and what does not show are no
    difference. For rules that need two people (SEC-012)."""
    return plain_name(one) == plain_name(other)
