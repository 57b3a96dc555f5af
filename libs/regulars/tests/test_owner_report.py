"""The demo's last page: its figures are those of a few lines over the file; pure."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from regulars import cdnow, owner_report
from regulars.stack.errors import StackError

SMALL = """\
0001 0001 19970101 1 10.00
0001 0001 19970101 1 5.50
0002 0002 19970102 1 7.00
0002 0002 19970801 1 8.00
0002 0002 19980301 2 1.25
0003 0003 19980101 1 9.99
"""


def _history(tmp_path: Path) -> cdnow.History:
    file = tmp_path / cdnow.SAMPLE
    file.write_text(SMALL)
    return cdnow.read(file)


def found(**more: Any) -> dict[str, Any]:
    """What the services would say of the small file."""
    half = {"returning": {"buyers": 0}}
    return {
        "repurchase": {"buyers": 3, "repeating": 2},
        "spending": {"net": 41_74},
        "new-and-returning": {"returning": {"orders": 2, "net": 9_25}},
        "top-buyers": {"buyers": 3, "returning": 0},
        "halves": [half, {"returning": {"buyers": 1}}, {"returning": {"buyers": 1}}],
        "effects": {"kinds": [{"kind": "promotion", "sent": 4, "customers": 2, "ordered": 1, "opted_out": 0}]},
        "segments": {"life_cycle": {"sleeping": 1, "pre_churn": 1, "active": 1}, "rfm": {}},
    } | more


def test_a_few_lines_over_the_file_give_what_the_page_says(tmp_path: Path) -> None:
    """Two purchases on the first day are twice, but nobody came back for the second."""
    assert [(c.ours, c.theirs) for c in owner_report.checks(found(), _history(tmp_path))] == [
        *((2, 2), (2, 2), (9_25, 9_25), (41_74, 41_74)),
        *((0, 0), (1, 1), (1, 1)),
    ]


def test_a_figure_that_differs_is_seen(tmp_path: Path) -> None:
    wrong = found(repurchase={"buyers": 3, "repeating": 3})
    assert [c.name for c in owner_report.checks(wrong, _history(tmp_path)) if c.ours != c.theirs] == [
        "customers who bought more than once"
    ]


def test_the_page_says_what_came_back_what_it_was_worth_what_helped_and_what_to_do() -> None:
    said = "\n".join(owner_report.lines(found()))
    assert "Of 3 customers 2 bought more than once (66.7 %)." in said
    assert "By half year 0, then 1, then 1" in said
    assert "worth 9.25 USD, 22.2 % of all sales (41.74 USD)" in said
    assert "promotion: 4 sent to 2; 50.0 % ordered within a week, 0.0 % opted out." in said
    assert "1. Write to the 2 who are slipping" in said
    assert "who spent much" not in said, "nobody is in the class: nothing is to be done"
    assert "No message went out." in "\n".join(owner_report.lines(found(effects={"kinds": []})))


def test_the_real_file_counts_the_same_by_sql() -> None:
    """The published sample, counted once more by another hand."""
    try:
        history = cdnow.read(cdnow.find(False))
    except StackError:
        pytest.skip("the history is not installed here")
    rows = [line.split() for line in history.path.read_text("ascii").splitlines() if line.split()]
    db = sqlite3.connect(":memory:")
    db.execute("create table p (c text, d text, cents int)")
    db.executemany(
        "insert into p values (?, ?, ?)", [(r[0], r[2], round(float(r[-1]) * 100)) for r in rows if r[0].isdigit()]
    )
    (again,) = db.execute("select count(*) from (select c from p group by c having count(*) > 1)").fetchone()
    later = "from p join (select c, min(d) as f from p group by c) using (c) where d > f"
    orders, cents = db.execute(f"select count(*), sum(cents) {later}").fetchone()
    db.close()
    assert (history.again, history.later_orders, history.later_cents) == (again, orders, cents)
    assert history.orders == len(rows) - (not rows[0][0].isdigit())
