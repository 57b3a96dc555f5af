"""Forms as data: what people write as commands take it, what cannot be used named at its field; pure."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fastapi.routing import APIRoute

from console import routes
from console.activities.proof import digest, holds, number_of
from console.feedback import questions
from console.forms.fields import Field, read
from console.offers import forms as offers
from console.parcels import conditions
from console.parcels import forms as parcels
from console.parcels.conditions import Row

ZONE = ZoneInfo("Asia/Shanghai")
OFFER = {
    "offer_id": "spring-10",
    "name": "Spring",
    "purpose": "holiday",
    "percent": "12.5",
    "starts": "2026-03-01T00:00",
    "ends": "2026-04-01T00:00",
    "skus": "tin-20\ntin-50, tin-20",
    "gifts": "tin-20 sample 2\ncup small_gift",
    "minimum": "99.90",
    "with": "",
}
QUESTION = {
    "question_id": "why",
    "type": "choices",
    "words.en": "Why?",
    "options": "taste: The taste | 味道\nprice: | 价格",
    "required": "yes",
}


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        ("text", " tea ", "tea"),
        ("whole", "12", 12),
        ("money", "12.50", 12_50),
        ("percent", "12.5", 12_50),
        ("choice", "b", "b"),
        ("instant", "2026-03-05T10:00", "2026-03-05T10:00:00+08:00"),
        ("day", "2026-03-05", "2026-03-05"),
        ("ids", "ann, bea\n\nann", ["ann", "bea"]),
        ("ids", "a-1，a-2、a-3；a-4 a-5", ["a-1", "a-2", "a-3", "a-4", "a-5"]),
        ("lines", 'Ann  Lee\r\n\r\n"Doe, Bea"\n“李，四”\nAnn Lee ', ["Ann Lee", "Doe, Bea", "李，四"]),
        ("flag", "yes", True),
        ("flag", "", False),
    ],
)
def test_a_field_is_read_as_the_command_takes_it(kind: Any, written: str, value: object) -> None:
    field = Field("one", "One", kind, choices=("a", "b"))
    assert read([field], {"one": written}, ZONE, "CNY") == ({"one": value}, {})


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("text", ""),
        ("text", "x" * 201),
        ("whole", "１２"),
        ("whole", "2000000"),
        ("money", "1.005"),
        ("money", "1,000"),
        ("percent", "0"),
        ("percent", "101"),
        ("choice", "c"),
        ("instant", "tomorrow"),
        ("instant", "9999-12-31T23:00"),
        ("day", "9999-03-01"),
        ("day", "0001-01-01"),
        ("day", "2026-W01-1"),
        ("day", "5 March"),
        ("ids", " , "),
        ("lines", " \n "),
        ("lines", "x" * 201),
        ("lines", "Ann, Bob"),
        ("lines", "王芳、李娜"),
        ("lines", "Ann\nBob; Cid"),
        ("lines", '"Ann", "Bob" '),
    ],
)
def test_what_cannot_be_used_is_named_at_its_field(kind: Any, written: str) -> None:
    most = 1_000_000 if kind == "whole" else 0
    found = read([Field("one", "One", kind, choices=("a",), most=most)], {"one": written}, ZONE, "CNY")
    assert list(found.wrong) == ["one"]
    assert "one" not in found.body


def test_the_end_of_a_line_counts_once() -> None:
    """A browser sends two characters for it, and lets people write as many as if it were one."""
    text = "\n".join(["lesson"] * 10)
    found = read([Field("one", "One", "long", most=len(text))], {"one": text.replace("\n", "\r\n")}, ZONE)
    assert found == ({"one": text}, {})


def test_an_optional_field_that_is_empty_is_not_sent() -> None:
    assert read([Field("one", "One", "whole", optional=True)], {"one": " "}, ZONE) == ({}, {})


def test_an_offer_is_read_as_membership_takes_it() -> None:
    """MEM-054, MEM-061: amounts in minor units, percentages in basis points, gifts by line."""
    body, wrong = offers.terms(OFFER, ZONE, "CNY")
    assert wrong == {}
    assert (body["percent"], body["minimum"], body["skus"]) == (12_50, 99_90, ["tin-20", "tin-50"])
    assert body["gifts"] == [
        {"sku": "tin-20", "kind": "sample", "quantity": 2},
        {"sku": "cup", "kind": "small_gift", "quantity": 1},
    ]
    assert body["with_tier_price"] is True
    stepped = offers.terms(OFFER | {"percent": "", "steps": "300 50\n500 100"}, ZONE, "CNY")
    assert stepped.body["steps"] == [{"spend": 300_00, "save": 50_00}, {"spend": 500_00, "save": 100_00}]
    rated = offers.terms(OFFER | {"percent": "", "rates": "3 10"}, ZONE, "CNY")
    assert rated.body["rates"] == [{"orders": 3, "percent": 10_00}]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": "5"}, "amount"),
        ({"percent": "", "gifts": ""}, "percent"),
        ({"ends": "2026-03-01T00:00"}, "ends"),
        ({"percent": "", "steps": "300"}, "steps"),
        ({"percent": "", "rates": "3 ten"}, "rates"),
        ({"gifts": "tin-20 full_size"}, "gifts"),
        ({"name": ""}, "name"),
    ],
)
def test_an_offer_that_makes_no_sense_is_refused_at_its_field(change: dict[str, str], field: str) -> None:
    assert list(offers.terms(OFFER | change, ZONE, "CNY").wrong) == [field]


@pytest.mark.parametrize(
    ("written", "body", "wrong"),
    [
        ({"customers": "ann bea"}, {"customers": ["ann", "bea"], "batch": "new"}, []),
        ({"customers": "ann", "hold_out": "10"}, {"customers": ["ann"], "batch": "new", "hold_out": 10}, []),
        ({"count": "5", "hold_out": "10"}, {"count": 5, "batch": "new", "hold_out": 10}, ["hold_out"]),
        ({"count": "500", "batch": "mai"}, {"count": 500, "batch": "mai"}, []),
        ({"code": "SPRING10", "use_limit": "9", "batch": "mai"}, {"code": "SPRING10", "use_limit": 9}, []),
        ({}, None, ["customers"]),
        ({"count": "1", "code": "X"}, None, ["customers"]),
        ({"count": "1", "use_limit": "9"}, None, ["use_limit"]),
    ],
)
def test_coupons_are_issued_in_one_of_three_ways(
    written: dict[str, str], body: dict[str, Any] | None, wrong: list[str]
) -> None:
    found = offers.issue(written, ZONE, "new")
    assert list(found.wrong) == wrong
    assert body is None or found.body == body


def test_a_question_is_read_as_feedback_takes_it() -> None:
    """FBK-003, FBK-015: choices by line, scores by their scale, words in at least one language."""
    found = questions.question(QUESTION, ZONE)
    assert found.wrong == {}
    assert found.body["options"] == [
        {"option_id": "taste", "words": {"en": "The taste", "zh": "味道"}},
        {"option_id": "price", "words": {"en": None, "zh": "价格"}},
    ]
    assert (found.body["required"], found.body["most"]) == (True, 1)
    wide = questions.question(QUESTION | {"options": "taste：The taste｜味道\nprice： ｜ 价格"}, ZONE)
    assert wide.body["options"] == found.body["options"], "as a Chinese keyboard writes it"
    score = questions.question(QUESTION | {"type": "score", "scale": "0-10", "low": "never | 绝不"}, ZONE).body
    assert (score["lowest"], score["highest"], score["low"]) == (0, 10, {"en": "never", "zh": "绝不"})
    text = questions.question({"question_id": "more", "type": "text", "words.zh": "还有吗？"}, ZONE).body
    assert text == {
        "question_id": "more",
        "type": "text",
        "words": {"en": None, "zh": "还有吗？"},
        "required": False,
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"words.en": ""}, "words.en"),
        ({"options": "taste: Taste"}, "options"),
        ({"options": "Taste\nPrice"}, "options"),
        ({"options": "a: A\na: B"}, "options"),
        ({"type": "song"}, "type"),
        ({"question_id": ""}, "question_id"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_at_its_field(change: dict[str, str], field: str) -> None:
    assert list(questions.question(QUESTION | change, ZONE).wrong) == [field]


def test_questions_move_up_and_go_but_one_stays() -> None:
    asked = [{"question_id": name} for name in "abc"]
    assert [q["question_id"] for q in questions.changed(asked, "b", "up") or ()] == ["b", "a", "c"]
    assert [q["question_id"] for q in questions.changed(asked, "c", "remove") or ()] == ["a", "b"]
    assert questions.changed(asked, "a", "up") is None
    assert questions.changed(asked[:1], "a", "remove") is None
    assert questions.changed(asked, "x", "up") is None


def test_the_proof_of_a_draw_holds_for_the_lowest_numbers_and_the_seed_that_was_fixed() -> None:
    """MEM-101: anybody can compute it again; another seed or another order of winners does not come out."""
    names = sorted(("ann", "bea", "cleo"), key=lambda name: number_of("seed", name))
    entries = [{"customer": name, "prize": place} for place, name in enumerate(names[:2], 1)]
    entries.append({"customer": names[2], "prize": None})
    assert holds("seed", digest("seed"), entries)
    assert not holds("other", digest("seed"), entries)
    swapped = [{"customer": names[1], "prize": 1}, {"customer": names[0], "prize": 2}]
    assert not holds("seed", digest("seed"), swapped)


PLAN: dict[str, Any] = {
    "most": 6,
    "inserts": [{"insert": "card", "title": "Card", "kind": "letter"}, {"insert": "tip"}],
}


def test_an_insert_is_written_into_the_plan_and_keeps_what_its_form_does_not_show() -> None:
    """MSG-066, MSG-068: conditions and other languages stay; a coupon needs a code that leads somewhere."""
    base: dict[str, Any] = {
        "insert": "card",
        "title": "Card",
        "kind": "letter",
        "when": [{"what": "stage", "is": "new"}],
    }
    base["says"] = {"de": "Danke", "en": "Thanks"}
    form = parcels.written(base) | {"says.en": "Thank you", "says.zh": "谢谢", "parcels": "first"}
    form |= {"url": "https://shop.example/again", "offer": "spring-10"}
    found = parcels.insert_of(form, base, ZONE)
    assert found.wrong == {}
    assert found.body["when"] == base["when"]
    assert found.body["says"] == {"de": "Danke", "en": "Thank you", "zh": "谢谢"}
    assert found.body["first_order"] is True
    assert found.body["code"] == {"url": "https://shop.example/again", "offer": "spring-10"}
    assert list(parcels.insert_of(form | {"url": ""}, base, ZONE).wrong) == ["url"]
    plan = parcels.with_insert(PLAN, found.body)
    assert [each["insert"] for each in plan["inserts"]] == ["card", "tip"]
    assert plan["inserts"][0]["says"]["zh"] == "谢谢"
    assert plan["most"] == 6


@pytest.mark.parametrize(
    ("row", "check"),
    [
        (Row("orders", "", "at_least", "3"), {"what": "orders", "at_least": 3}),
        (Row("tier", "", "in", "gold, silver"), {"what": "tier", "in": ["gold", "silver"]}),
        (Row("segment", "quiet", "is", "yes"), {"what": "segment.quiet", "is": True}),
        (Row("segment", "quiet", "is", "否"), {"what": "segment.quiet", "is": False}),
        (Row("coupon", "spring-10", "known"), {"what": "coupon.spring-10", "known": True}),
        (Row("churn_risk", "", "not_known"), {"what": "churn_risk", "known": False}),
        (Row("segment", "", "is", "yes"), None),
        (Row("tier", "gold", "is", "yes"), None),
        (Row("segment", "a b", "is", "yes"), None),
        (Row("orders", "", "at_least", "many"), None),
        (Row("orders", "", "known", "3"), None),
        (Row("tier", "", "is", ""), None),
        (Row("tier", "", "in", "gold,,silver"), None),
        (Row("", "quiet", "is", "yes"), None),
        (Row("password", "", "is", "x"), None),
    ],
)
def test_a_condition_of_an_insert_is_read_as_the_plan_takes_it(row: Row, check: dict[str, Any] | None) -> None:
    """MSG-071; a row that cannot be used is named, and its number stays in the form."""
    form = {f"when.4.{name}": value for name, value in row._asdict().items()}
    found, wrong = conditions.read(form)
    assert (found, wrong) == (([check], {}) if check is not None else ([], wrong))
    assert list(wrong) == ([] if check is not None else ["when.4"])
    if check is not None:
        assert conditions.read(conditions.written([check])) == ([check], {}), "drawn again it is the same"
    assert conditions.rows(form)[4] == row
    assert len(conditions.rows(form)) == 7, "two empty rows to add to it"


def test_inserts_move_up_and_out_of_the_plan() -> None:
    names = [
        [each["insert"] for each in (parcels.changed(PLAN, "tip", how) or {})["inserts"]] for how in ("up", "remove")
    ]
    assert names == [["tip", "card"], ["card"]]
    assert parcels.changed(PLAN, "card", "up") is None
    assert parcels.changed(PLAN, "tip", "burn") is None
    assert parcels.changed(PLAN, "none", "remove") is None


def test_no_address_takes_a_day_at_the_end_of_the_calendar() -> None:
    """Weeks are added to such a day: one of the year 9999 would be a 500."""
    routers = [each for group in vars(routes).values() if isinstance(group, tuple) for each in group]
    found = []
    for route in (each for router in routers for each in router.routes if isinstance(each, APIRoute)):
        for param in (*route.dependant.query_params, *route.dependant.path_params):
            day, wrong = param.validate("2026-03-01", loc=())
            if wrong or type(day) is not date:
                continue
            found.append(route.path)
            assert param.validate("9999-12-31", loc=())[1], (route.path, param.name)
    assert "/s/{shop}/activities" in found
