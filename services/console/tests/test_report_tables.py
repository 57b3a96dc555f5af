"""Reports: periods, changes, tables in both languages, advice, CSV, PDF and mail; pure (ANA-044 to ANA-050)."""

from __future__ import annotations

import base64
import csv
import io
import re
import zlib
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.reports import mailing
from console.reports.advice import advice
from console.reports.content import content_of, lead_of
from console.reports.figures import FIGURES, change_of
from console.reports.next_year import next_year
from console.reports.pdf import as_pdf, draw, shared
from console.reports.periods import KINDS, MOST_LATE, before, ended, period_of
from console.reports.sections import effect_of, sections
from console.reports.spreadsheet import as_csv
from console.reports.store import Report
from console.texts import translated

from .conftest import settings
from .report_documents import document, report

ENGLISH, CHINESE = partial(translated, "en"), partial(translated, "zh")
days = st.dates(date(1990, 1, 1), date(2200, 1, 1))


def of_a_year(said: dict[str, Any]) -> Report:
    return report()._replace(period=period_of("year", date(2025, 3, 5)), document=said)


def test_the_next_years_plan_is_drafted_from_the_review() -> None:
    """ANA-048, XCT-026: figures to exceed, missed goals, advice, lessons, and what was planned to be spent."""
    said = document()
    said["goals"][0]["state"] = "missed"
    found = next_year(of_a_year(said), "CNY", ENGLISH)
    assert (found["name"], found["starts"], found["budget"]) == ("2026", "2026-01-01", "100.00")
    assert found["goals"].splitlines() == [
        "Sales: more than CNY\u00a01,234.56",
        "Repurchase rate: more than 25.0\u00a0%",
        "Returning buyers: more than 5",
        "Once more: Twice",
    ]
    advised = [translated("en", each.text, **each.values) for each in advice(said)]
    assert found["focus"].splitlines() == [*advised, "老客户: 写信"]
    assert "超过" in next_year(of_a_year(said), "CNY", CHINESE)["goals"]


def test_a_draft_of_a_plan_keeps_to_what_its_form_takes() -> None:
    said = document() | {"notes": {"lessons": [[f"lesson {n}", "x" * 300] for n in range(20)]}}
    said["goals"] = [said["goals"][0] | {"state": "missed"}] * 500
    found = next_year(of_a_year(said), "CNY", ENGLISH)
    assert len(found["focus"]) <= 1_000 < len(found["focus"]) + 310
    assert len(found["goals"]) <= 2_000
    assert found["budget"] == ""


@given(day=days, kind=st.sampled_from(KINDS))
def test_periods_of_a_kind_follow_each_other_without_gap_or_overlap(day: date, kind: Any) -> None:
    """ANA-044, 046, 047, 048: a day is in one period, and the one before ends where it begins."""
    period = period_of(kind, day)
    assert period.since <= day < period.until
    assert before(period).until == period.since
    assert period_of(kind, period.until - timedelta(days=1)) == period
    assert period_of(kind, period.until).since == period.until


@given(day=days, kind=st.sampled_from(KINDS), late=st.integers(0, 20))
def test_every_ended_period_is_made_once_and_none_that_still_runs(day: date, kind: Any, late: int) -> None:
    last = period_of(kind, day)
    for _ in range(late + 1):
        last = before(last)
    found = list(ended(kind, day, last.since))
    assert len(found) == min(late, MOST_LATE)
    assert all(p.until <= day for p in found)
    assert [p.since for p in found] == sorted({p.since for p in found})
    assert not found or found[-1].until == period_of(kind, day).since
    assert [p.until for p in ended(kind, day, None)] == [period_of(kind, day).since], "the first is the one just ended"


@pytest.mark.parametrize(
    ("day", "kind", "since", "until"),
    [
        ("2024-12-31", "week", "2024-12-30", "2025-01-06"),
        ("2024-02-29", "month", "2024-02-01", "2024-03-01"),
        ("2024-12-31", "quarter", "2024-10-01", "2025-01-01"),
        ("2024-02-29", "year", "2024-01-01", "2025-01-01"),
    ],
)
def test_a_period_begins_and_ends_with_the_calendar(day: str, kind: Any, since: str, until: str) -> None:
    assert [str(d) for d in period_of(kind, date.fromisoformat(day))[1:]] == [since, until]


@pytest.mark.parametrize(
    ("name", "value", "was", "change"),
    [
        ("net", 150, 100, "50.0"),
        ("net", 0, 100, "-100.0"),
        ("net", 5, 0, None),
        ("net", None, 100, None),
        ("repurchase", "25.0", "30.0", "-5.0"),
        ("repurchase", "25.0", None, None),
        ("rating", "4.5", "4.0", "12.5"),
    ],
)
def test_a_change_is_per_cent_and_of_rates_percentage_points(name: str, value: Any, was: Any, change: Any) -> None:
    figure = next(f for f in FIGURES if f.name == name)
    found = change_of(figure, value, was)
    assert (None if found is None else str(found)) == change


def _shown(name: str, say: Any = ENGLISH, **more: Any) -> list[list[str]]:
    found = next(s for s in sections(document() | more, say) if s.name == name)
    return [[cell.shown.replace("\u00a0", " ") for cell in row] for row in found.rows]


def test_figures_stand_beside_those_of_the_period_before_and_what_nobody_said_is_no_zero() -> None:
    """ANA-046: compared with the month before; a base of nobody is n/a with its reason."""
    rows = {row[0]: row[1:] for row in _shown("figures")}
    assert rows["Sales"] == ["CNY 1,234.56", "CNY 1,000.00", "+23.5 %"]
    assert rows["Repurchase rate"] == ["25.0 %", "30.0 %", "−5.0 pp"]
    assert rows["Refunded orders of returning buyers"] == ["n/a: nobody bought", "2.0 %", "–"]
    assert rows["Usually resolved after"] == ["121 min", "60 min", "+101.7 %"]
    moods = {row[0].shown: row[3].mood for row in sections(document(), ENGLISH)[0].rows}
    assert (moods["Sales"], moods["Repurchase rate"], moods["Buyers"]) == ("good", "bad", "")
    assert moods["Usually resolved after"] == "bad", "longer is worse"


def test_each_figure_says_why_it_has_no_value_and_how_it_is_counted() -> None:
    """ANA-005: n/a with its reason, in both languages; definitions one click away."""
    empty = {f.name: [None, None] for f in FIGURES}
    for say, begins in ((ENGLISH, "n/a: "), (partial(translated, "zh"), "不适用：")):
        found = sections(document() | {"figures": empty}, say)[0]
        assert all(cell.shown.startswith(begins) for row in found.rows for cell in row[1:3])
        assert all(cell.raw == "" for row in found.rows for cell in row[1:])
        told = {name for names, how in found.counted for name in names.split(", ") if how}
        assert told == {row[0].shown for row in found.rows}


def test_a_week_as_usual_says_so() -> None:
    """ANA-045: nothing unusual is a finding, and no whole week to compare with is none."""
    notes = [
        next(s.note for s in sections(document() | {"anomalies": [], "weeks": weeks}, ENGLISH) if s.name == "anomalies")
        for weeks in (4, 0)
    ]
    assert [note.split(" ")[0] for note in notes] == ["Nothing", "There"]


def test_what_ran_and_what_it_brought_stand_beside_what_was_unusual() -> None:
    """ANA-045, ANA-050, ANA-032: the anomaly with size, the offers and versions of the time, effects with intervals."""
    assert _shown("anomalies") == [["Sales", "CNY 1,234.56", "CNY 30.00", "−58.9 %"]]
    assert _shown("running") == [["Offer", "spring-10", "7"], ["Programme", "3", "2025-03-04"]]
    campaigns = _shown("campaigns")
    assert campaigns[0][2:4] == ["+1.0 … +7.0 pp", "12"]
    assert [row[-1] for row in campaigns] == ["helped", "did harm", "helped"]


def test_a_budget_item_of_another_currency_stands_in_its_own_and_in_no_sum() -> None:
    """ANA-052: a report of today's currency says nothing of an amount that was written in another."""
    assert _shown("budget") == [
        ["Flyers <b>", "CNY", "CNY 100.00", "CNY 130.00", "CNY −30.00"],
        ["茶罐", "JPY", "JPY 5,000", "JPY 0", "JPY 5,000"],
    ]
    (budget,) = [s for s in sections(document(), ENGLISH) if s.name == "budget"]
    assert "茶罐: EUR\u00a012.34" in budget.note


def test_an_effect_that_cannot_be_seen_is_not_called_one() -> None:
    seen = document()["campaigns"][0]
    assert effect_of(seen | {"certain": False}) == "open"
    assert effect_of(seen | {"difference": None}) == "unknown"


def test_advice_follows_from_the_figures_and_leads_to_where_it_is_done() -> None:
    """ANA-050: adjustments are proposed; the most urgent first."""
    assert [(a.path, a.text.format(**a.values)) for a in advice(document())] == [
        ("/kpis", "Figures that fell out of the usual: 1. Look at what ran in that week."),
        ("/goals", "The goal Twice will hardly be reached as things go."),
        ("/campaigns", "Spring: it brought orders that would not have come. Plan it again."),
        ("/campaigns", "Noise did harm: do not send it again."),
        ("/campaigns", "An extra order by Gold cost more than an order brings."),
        ("/regulars", "Fewer of the buyers came back than before: write to those who are slipping."),
    ]
    calm = document() | {"anomalies": [], "goals": [], "notes": {}}
    calm["figures"] = {"net": [2, 1], "in_time": ["99", None]}
    calm["campaigns"] = [document()["campaigns"][0] | {"certain": False}]
    assert advice(calm) == []
    assert [a.path for a in advice(calm | {"campaigns": []})] == ["/campaigns"]


def test_what_is_missing_is_said_and_the_rest_stands() -> None:
    partial_one = report(missing={"owed": "membership", "tiers": "segmentation"})
    assert lead_of(partial_one, ENGLISH)[0].startswith("Not whole yet: membership, segmentation did not answer")
    nothing = {"figures": {}, "missing": {"spending": "segmentation"}}
    assert [s.name for s in sections(nothing, ENGLISH)] == []
    assert advice(nothing) == []


def test_no_english_stands_in_the_chinese_report() -> None:
    """XCT-019: both languages whole; names of people, offers and services stay."""
    names = {
        "EUR",
        "JPY",
        "CNY",
        "Twice",
        "Spring",
        "Noise",
        "Gold",
        "spring",
        "VIP",
        "Flyers",
        "Tea",
        "Co",
        "cmd",
        "pp",
    }
    shown = sections(document(), CHINESE)
    cells = [c.shown for s in shown for row in s.rows for c in row]
    said = " ".join([*cells, *(t for s in shown for t in (s.title, s.note, *s.heads)), *lead_of(report(), CHINESE)])
    assert set(re.findall(r"[A-Za-z]{2,}", said)) - names == set()


def test_the_csv_holds_plain_numbers_and_no_formula() -> None:
    found = list(
        csv.reader(io.StringIO(as_csv("tea: week", sections(document(), ENGLISH), "Unit").decode("utf-8-sig")))
    )
    assert ["What", "In the period", "Unit", "The one before", "Unit", "Change", "Unit"] in found
    assert ["Sales", "1234.56", "CNY", "1000.00", "CNY", "23.5", "%"] in found
    assert ["Repurchase rate", "25.0", "%", "30.0", "%", "-5.0", "pp"] in found, "a share moves by points"
    assert ["Sales", "1234.56", "30.00", "-58.9"] in found, "a negative number stays a number"
    assert ["Flyers <b>", "CNY", "100.00", "130.00", "-30.00"] in found
    assert ["Tier", "Buyers", "Net revenue (CNY)", "Of sales (%)"] in found, "one unit stands in the head"
    assert ["Tea & Co", "discount", "'=cmd"] in found


def _text_of(pdf: bytes) -> bytes:
    """What is drawn on the pages, as the file holds it."""
    found = re.findall(rb"/ASCII85Decode /FlateDecode.*?stream\r?\n(.*?)endstream", pdf, re.S)
    drawn = b"".join(zlib.decompress(base64.a85decode(b"<~" + each.strip(), adobe=True)) for each in found)
    return re.sub(rb"\\([0-7]{3}|.)", lambda m: bytes([int(m[1], 8)]) if len(m[1]) == 3 else m[1], drawn)


async def test_the_pdf_is_drawn_by_a_process_of_its_own_with_chinese_and_latin() -> None:
    """ANA-046: decision 0066. It knows no settings."""
    shown = sections(document(), CHINESE)
    pdf = await as_pdf(content_of("tea", report(), shown, CHINESE))
    text = _text_of(pdf)
    assert "复购率".encode("utf-16-be") in text
    assert b"CNY 1,234.56" in text
    assert b"Flyers <" in text, "what people wrote is no markup"
    assert "老客户".encode("utf-16-be") in text


def test_a_long_report_goes_on_over_pages_under_the_same_heads() -> None:
    content: dict[str, Any] = {"title": "t", "lead": []}
    content["sections"] = [
        {"title": "s", "heads": ["Headed"], "rows": [[f"row {n}"] for n in range(200)], "numbers": [], "note": ""}
    ]
    pdf = draw(content)
    pages = len(re.findall(rb"/Type /Page\b(?!s)", pdf))
    assert pages > 2
    assert _text_of(pdf).count(b"Headed") == pages


@pytest.mark.parametrize(
    ("name", "learnt"),
    [
        ("春季活动复盘", "下次提前三天发送优惠券，因为刚收到包裹的顾客不会打开邮件。" * 70),
        ("名" * 100, "茶" * 2_000),
        ("A lesson", "下次提前三天发送优惠券，" * 100),
        ("n" * 100, "word " * 400),
        ("W" * 100, "W" * 2_000),
        ("שלום", "see https://tea.example/" + "a" * 1_900),
        ("half a pair \ud83d", "🍵 \x01\x0b" * 300),
    ],
)
def test_whatever_people_wrote_at_the_length_that_forms_take_is_drawn_within_the_page(name: str, learnt: str) -> None:
    """ANA-048: Chinese, words without a space, addresses; broken by the text and not by the reader's language."""
    section = {"title": name, "heads": ["Name", "Sum", "Learnt"], "rows": [[name, "1", learnt]] * 3, "note": learnt}
    file = draw({"title": name, "lead": [learnt], "sections": [section | {"numbers": [1]}]})
    ends = [float(x) for x in re.findall(rb"\n([0-9.]+) [0-9.]+ m [0-9.]+ [0-9.]+ l", _text_of(file))]
    assert file.startswith(b"%PDF")
    assert all(x < 595 for x in ends)


@given(wanted=st.lists(st.floats(0, 20_000), min_size=1, max_size=12))
def test_columns_share_the_width_and_a_narrow_one_is_never_broken_for_a_wide_one(wanted: list[float]) -> None:
    widths = shared(wanted, 480)
    assert sum(widths) <= 480.001
    assert all(w <= want for w, want in zip(widths, wanted, strict=True))
    assert all(w == want for w, want in zip(widths, wanted, strict=True) if want <= 480 / len(wanted))


def test_a_mail_without_a_pdf_bears_its_figures() -> None:
    given = settings("postgresql://x/y", smtp_host="mail.example", reports_from="Tea <r@tea.example>")
    mail = mailing.message(given, "a@b.example", "tea: week", ["Do this"], sections(document(), ENGLISH), None, "tea")
    assert "CNY 1,234.56" in mail.get_content()
    assert not list(mail.iter_attachments())


def test_a_mail_says_the_first_figures_and_bears_the_whole() -> None:
    given = settings("postgresql://x/y", smtp_host="mail.example", reports_from="Tea <r@tea.example>")
    shown = sections(document(), ENGLISH)
    one, other = (
        mailing.message(given, to, "tea: week", ["Do this"], shown, b"%PDF-1.4", "tea-week-2025-03-03")
        for to in ("a@b.example", "c@b.example")
    )
    assert "Sales · CNY 1,234.56 · CNY 1,000.00 · +23.5 %" in one.get_body().get_content()  # type: ignore[union-attr]
    assert [part.get_filename() for part in one.iter_attachments()] == ["tea-week-2025-03-03.pdf"]
    assert one["Message-ID"] != other["Message-ID"]


def test_a_goal_of_whole_numbers_shows_them_whole() -> None:
    """ANA-001: 450 buyers, not 450.00; rates keep their decimals."""
    whole, rate = (
        document() | {"goals": [document()["goals"][0] | {"kpi": kpi, "target": "450.00", "value": "138.50"}]}
        for kpi in ("buyers", "orders_per_buyer")
    )
    for found, shown in ((whole, ("450", "139")), (rate, ("450.00", "138.50"))):
        (goals,) = (each for each in sections(found, ENGLISH) if each.name == "goals")
        assert (goals.rows[0][2].shown, goals.rows[0][3].shown) == shown
