"""The file of refused lines, as it is written and as people send it back (ORD-038)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_ingest.imports.lines import UnreadableFile, as_text, records_of
from orders_ingest.imports.mending import HEADING, MARK, Refused, event, read, written

ROWS = [
    Refused(0, "heading", "", "order;time;paid"),
    Refused(7, "line", 'line 8: time is no time: "soon"', "12;soon;3,50"),
    Refused(9, "line", "line 10: another row", '13;"a ""tea""\nfor two";1'),
    Refused(0, "event", "an order of somebody else", '{"id": "line-000000004"}'),
]


def test_what_is_written_is_read_again() -> None:
    found = read((HEADING + written(ROWS)).removeprefix(MARK).splitlines())
    assert found.lines == ["order;time;paid", "12;soon;3,50", '13;"a ""tea""', 'for two";1']
    assert found.records == {1: 0, 2: 7, 3: 9}, "by the lines on which they begin"
    assert found.events == [(6, '{"id": "line-000000004"}')]


def test_a_program_of_tables_may_part_its_cells_by_semicolons_and_leave_rows_out() -> None:
    found = read(["record;kind;reason;text", '7;line;"soon; or not";"12;2026-01-02;3,50"', "9;line;;"])
    assert (found.lines, found.records) == (["12;2026-01-02;3,50"], {1: 7})


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        ([], "record, kind, reason, text"),
        (["order,time,paid", "1,2,3"], "record, kind, reason, text"),
        (["record,kind,reason,text", "7,line,12"], "line 2"),
        (["record,kind,reason,text", "seven,line,,x"], "stay as they were"),
        (["record,kind,reason,text", "7,row,,x"], "stay as they were"),
    ],
)
def test_what_is_no_such_file_is_refused_whole(lines: list[str], word: str) -> None:
    with pytest.raises(UnreadableFile, match=word):
        read(lines)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"id": "a", "type": "b", "time": "soon", "data": {}}', '{"id": "a"}'])
def test_an_event_that_is_none_any_more_is_refused(text: str) -> None:
    assert getattr(event(3, text), "slug", None) == "invalid_row"


_BREAKS = "\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\x00"
CELLS = st.text(st.characters(codec="utf-8", exclude_characters=_BREAKS), max_size=20)


@given(st.lists(CELLS, min_size=2, max_size=6))
def test_a_record_as_text_is_the_same_record(cells: list[str]) -> None:
    """Its text is what people mend: quotes and separators in a cell stay within it."""
    text = as_text(cells, ";")
    if text.strip():
        assert [record for _, record in records_of([text], len(cells), ";")] == [cells]
