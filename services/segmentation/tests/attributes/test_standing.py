"""What an attribute announces has one standing: of a customer's facts of it the last one says what is so."""

from __future__ import annotations

import pytest

from segmentation.customers.state import CustomerState
from segmentation.fold import PARTS


@pytest.mark.parametrize("name", PARTS)
def test_all_facts_of_an_attribute_stand_for_the_same(name: str) -> None:
    """R5: a rebuild compares the last of one standing with the topic's. Were the raising of a warning and its end two,
    a warning of the past that late news once hid would be published after its end, and stand."""
    announced = type(CustomerState.model_fields[name].default).ANNOUNCES
    assert len({fact.standing() for fact in announced}) <= 1
