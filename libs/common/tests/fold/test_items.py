"""Items of a state as far as they are loaded: what is asked for often costs the same however many there are."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from common.fold.items import EVERYTHING, Items

NAMES = st.sampled_from(["orders/1", "orders/1/", "orders/12", "lots/1", "lots/", "orders/", "gifts/1", EVERYTHING])


@given(st.lists(st.tuples(st.sampled_from(["load", "put", "remove"]), NAMES), max_size=12), NAMES)
def test_what_is_loaded_is_what_was_wanted_put_or_removed(steps: list[tuple[str, str]], asked: str) -> None:
    """A name that ends in a slash and was loaded stands for all that begin so; one that was put for itself alone."""
    items: Items[int] = Items(whole=False)
    for step, name in steps:
        if step == "load":
            items.load([name], {})
        elif step == "put":
            items.put(name, 1)
        else:
            items.remove(name)
    prefixes = [name for step, name in steps if step == "load" and name.endswith("/")]
    known = asked in {name for _, name in steps} or any(asked.startswith(each) for each in prefixes)
    assert items.has(asked) is (known and asked != EVERYTHING)


class _Counted(str):
    """A name that counts how often it is looked at."""

    looks = 0

    def endswith(self, *asked: Any) -> bool:
        _Counted.looks += 1
        return super().endswith(*asked)


def test_a_name_that_is_missing_is_not_held_against_each_that_is_loaded() -> None:
    """A customer with thousands of orders: what falls due wants hundreds of names at once, again and again."""
    items: Items[int] = Items(whole=False)
    items.load(["lots/", *(_Counted(f"orders/{n}") for n in range(1_000))], {})
    _Counted.looks = 0
    assert not any(items.has(f"orders/{n}") for n in range(1_000, 2_000))
    assert items.has("lots/7")
    assert _Counted.looks == 0, "of a million pairs none"
