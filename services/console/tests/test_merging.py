"""The merged timeline holds everything once, newest first, whatever the lengths of the lists and of their pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from console.customers.merging import Item, Page, Place, Places, merge, read, written

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
LISTS = st.dictionaries(
    st.sampled_from(("orders", "points", "messages")), st.lists(st.integers(0, 30), max_size=25), min_size=1
)


def pages_of(lists: Mapping[str, Sequence[Item]], places: Places, size: int) -> dict[str, Page]:
    """What the services answer to the places: pages of `size`, whose cursor is where the next one begins."""
    found = {}
    for name, place in places.items():
        if place is None:
            continue
        begin = int(place.cursor or 0)
        rest = lists[name][begin + size :]
        found[name] = Page(lists[name][begin : begin + size], str(begin + size) if rest else None)
    return found


@given(LISTS, st.integers(1, 7), st.integers(1, 9))
def test_pages_hold_everything_once_newest_first(days: dict[str, list[int]], size: int, rows: int) -> None:
    lists = {
        name: [Item(BEGAN + timedelta(days=day), name, n) for n, day in enumerate(sorted(each, reverse=True))]
        for name, each in days.items()
    }
    cursor, seen, pages = "", list[Item](), 0
    while True:
        places = read(cursor, list(lists))
        assert places is not None
        items, behind = merge(pages_of(lists, places, size), places, rows)
        assert len(items) <= rows
        seen += items
        pages += 1
        following = written({**dict.fromkeys(lists), **behind})
        if following is None:
            break
        cursor = following
        assert pages < 200, "a page always goes on"
    assert [item.at for item in seen] == sorted((item.at for item in seen), reverse=True)
    assert sorted((item.kind, item.what) for item in seen) == sorted(
        (item.kind, item.what) for each in lists.values() for item in each
    )


def test_a_cursor_that_is_none_of_ours_is_no_place() -> None:
    ours = written({"orders": Place("x", 2), "points": None})
    assert ours is not None
    assert read(ours, ["orders", "points"]) == {"orders": Place("x", 2), "points": None}
    for bad in (
        "x",
        "!!",
        ours[:-4],
        written({"orders": Place(shown=-1)}) or "",
        written({"points": Place("1")}) or "",
    ):
        assert read(bad, ["orders", "points"]) is None
