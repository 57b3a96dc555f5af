"""What is looked for of an erased person in texts that stand under no customer, and which are theirs (SEC-006)."""

from __future__ import annotations

from typing import Any

import pytest

from orders_ingest.erasure.reading import said_by
from orders_ingest.erasure.rules import is_about, looked_for

ANN = looked_for(
    ["1000", "ann"],
    [
        {"name": "Ann", "email": "Ann@Example.com", "phone": "+4930123456789", "gender": "female", "social": []},
        {"name": "Łucja Żak", "social": [{"platform": "wechat", "account": "Ann_88"}]},
        {"name": "王伟", "address": "上海市浦东新区1号"},
    ],
)
HEADING = "order_id;Customer number;goods_paid;note"


def theirs(text: str | bytes, heading: str = "", column: str = "") -> bool:
    body = text if isinstance(text, bytes) else text.encode()
    return is_about(said_by(body, heading, column), ANN, lambda mail: "ann" if mail == "old@example.com" else mail)


def test_identifiers_are_looked_for_as_they_are_and_the_rest_in_small_letters() -> None:
    assert ANN.people == ["1000", "ann"]
    assert ANN.contacts == ["+4930123456789", "ann@example.com"]
    assert ANN.names == ["ann", "ann_88", "łucja żak", "上海市浦东新区1号", "王伟"]
    assert looked_for(["a@example.com"], []).contacts == ["a@example.com"]


@pytest.mark.parametrize(
    ("line", "heading", "column"),
    [
        ("7;ann;12.00;Lindenstrasse 77", HEADING, ""),
        ("7;1000.0;12.00;", HEADING, ""),
        ("7;12.00;ann", "order;paid;who", "Who"),
        ("ann;Ann;Lindenstrasse 77;+49 30 123", "", ""),
        ("1000 19970101 1 11.77", "", ""),
        ("7;ann;12.00", HEADING, ""),  # a cell too few
        ("7;bob;12.00;a gift for <ANN@example.com>", HEADING, ""),
        ("7;bob;12.00;call 030 / 123 456 789", HEADING, ""),
        ("7;;12.00;Łucja Żak, Warszawa", HEADING, ""),
        ("7;;12.00;寄上海市浦东新区1号楼", HEADING, ""),
        ("7;;12.00;王伟", HEADING, ""),
        ("7,old@example.com,12.00", "Name,Email,Total", ""),
        ('{"order_id": "7", "customer_id": 1000}', "", ""),
    ],
)
def test_a_line_is_theirs_by_its_customer_by_contact_data_or_by_a_name_where_it_says_no_customer(
    line: str, heading: str, column: str
) -> None:
    assert theirs(line, heading, column)


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("1000;bob;1000;order 41000", HEADING),
        ("7;bob;12.00;Łucja Żak is a friend of mine", HEADING),
        ("7;bob;12.00;joann@example.com ann@example.com.au", HEADING),
        ("7;;12.00;Anna, Annette, Łucja Żakowa", HEADING),
        ("7;;12.00;王伟民", HEADING),
        ("7;ANN;12.00;", HEADING),  # an identifier of somebody else
        ("bob;Bob Other;order 41000;price 1000;Elm Street", ""),
        ("7,bob@example.com,12.00,Łucja Żak", "Name,Email,Total,Shipping Name"),
        ("", HEADING),
        ("", ""),
    ],
)
def test_a_line_of_others_is_not_theirs(line: str, heading: str) -> None:
    assert not theirs(line, heading)


@pytest.mark.parametrize(
    ("body", "is_theirs"),
    [
        ('{"subject": "ann", "data": {"order_id": "7"}}', True),
        ('{"subject": "bob", "data": {"goods_paid": 1000, "order_id": "ann"}}', False),
        ('{"customer": {"id": 1000, "email": null}, "id": 7}', True),
        ('{"customer": {"id": 7}, "id": 1000}', False),
        ('{"id": "w-1", "topic": "customers/update", "body": "{\\"id\\": 1000}"}', True),
        ('{"id": "w-1", "topic": "orders/updated", "body": "{\\"id\\": 1000}"}', False),
        ('{"id": "w-1", "topic": "orders/updated", "body": "{\\"customer_id\\": 1000, \\"total"}', True),
        ('{"customer_id": 1000, "total', True),
        ('{"customer_id": 7, "goods_paid": 1000, "total', False),
        ('{"name": "\\u0142ucja \\u017cak"}', True),
        ('{"customer_id": 0, "name": "Łucja Żak"}', True),
        ('{"customer_id": 7, "name": "Łucja Żak"}', False),
        ('{"x": "amount 1000 of nobody known"}', False),
        ("[]", False),
        (b"\xff\x00", False),
        ('{"name": "\\ud83d", "email": "a\\ud83db@example.com"}', False),
        ("[" * 500 + '"Łucja Żak"' + "]" * 500, True),
    ],
)
def test_a_body_is_theirs_by_the_customer_that_it_names(body: Any, is_theirs: bool) -> None:
    assert theirs(body) is is_theirs
