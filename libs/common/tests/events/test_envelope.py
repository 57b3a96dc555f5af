"""Ids of facts."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from common.events.envelope import NAMESPACE, fact_id


@given(st.text(max_size=60), st.text(max_size=20), st.integers(0, 99))
def test_a_facts_id_is_the_uuid5_of_what_made_it(cause: str, customer: str, number: int) -> None:
    """A replay makes the same ids in every process."""
    name = f"{cause}|tier.changed|cdnow|{customer}|{number}"
    assert fact_id(cause, "tier.changed", "cdnow", customer, number) == str(uuid.uuid5(NAMESPACE, name))
