"""Does every movement balance, and follow from two states? The books without the rules."""

from __future__ import annotations

import pytest

from membership.growth import rules as growth
from membership.growth.rules import Journal
from membership.points.books import Books, Leg, balances, difference, legs_of
from membership.points.lots import LotOrder
from membership.state import Deed, Lot, MemberState

from ..stories import at, standing_order


def test_moving_nothing_makes_no_leg() -> None:
    books = Books(MemberState())
    books.move(0, ("issued", ""), ("debt", ""))
    assert books.close() is None


def test_what_is_moved_there_and_back_makes_no_leg() -> None:
    books = Books(MemberState())
    books.move(5, ("issued", ""), ("redeemed", ""))
    books.move(5, ("redeemed", ""), ("issued", ""))
    assert books.close() is None


def test_legs_of_one_account_and_lot_are_one() -> None:
    state = MemberState(lots={"a": Lot()})
    books = Books(state)
    books.move(5, ("issued", ""), ("pending", "a"))
    books.move(3, ("pending", "a"), ("available", "a"))
    books.move(2, ("available", "a"), ("debt", ""))
    posting = books.close()
    assert posting is not None
    assert posting.legs == (
        Leg("issued", "", -5), Leg("pending", "a", 2), Leg("available", "a", 1), Leg("debt", "", 2),
    )  # fmt: skip
    assert (state.pending, state.available, state.debt, state.issued) == (2, 1, -2, -5)


@pytest.mark.parametrize("account", ["issued", "redeemed", "expired", "reversed"])
def test_the_shop_s_side_is_kept_with_its_sign(account: str) -> None:
    state = MemberState(lots={"a": Lot(available=9)}, available=9)
    Books(state).move(4, ("available", "a"), (account, ""))  # type: ignore[arg-type]
    assert getattr(state, account) == 4
    assert balances(state) == {("available", "a"): 5, (account, ""): 4}


@pytest.mark.parametrize(("pending", "available", "kept"), [(0, 0, False), (1, 0, True), (0, 1, True), (1, 1, True)])
def test_a_lot_is_forgotten_when_nothing_is_left_in_it(pending: int, available: int, kept: bool) -> None:
    state = MemberState(lots={"a": Lot(pending=pending + 1, available=available), "b": Lot()})
    books = Books(state)
    books.move(1, ("pending", "a"), ("reversed", ""))
    books.close()
    assert ("a" in state.lots) is kept
    assert "b" in state.lots, "a lot that nobody touched is left alone"


def test_a_lot_that_was_filled_and_emptied_by_one_cause_is_forgotten_once() -> None:
    state = MemberState(lots={"a": Lot(pending=1)}, pending=1)
    books = Books(state)
    books.move(1, ("pending", "a"), ("available", "a"))
    books.move(1, ("available", "a"), ("reversed", ""))
    posting = books.close()
    assert posting is not None
    assert (posting.legs, state.lots) == ((Leg("pending", "a", -1), Leg("reversed", "", 1)), {})


def test_balances_leave_out_what_is_zero_and_debt_is_below_zero() -> None:
    state = MemberState(lots={"a": Lot(pending=2), "b": Lot(available=3)}, debt=4, issued=-5, reversed=4)
    assert balances(state) == {
        ("pending", "a"): 2, ("available", "b"): 3, ("debt", ""): -4, ("issued", ""): -5, ("reversed", ""): 4,
    }  # fmt: skip


def test_a_difference_turns_the_one_into_the_other() -> None:
    old = balances(MemberState(lots={"a": Lot(available=3), "b": Lot(available=1)}, issued=-4))
    new = balances(MemberState(lots={"b": Lot(available=1), "c": Lot(available=7)}, issued=-8))
    legs = difference(old, new)
    assert set(legs) == {Leg("available", "a", -3), Leg("available", "c", 7), Leg("issued", "", -4)}
    assert difference(new, new) == ()
    assert legs_of({("debt", ""): 0}) == ()


def test_lots_burn_by_expiry_then_by_age_then_by_name_and_only_where_something_is_available() -> None:
    early, late = at("2026-01-01"), at("2026-02-01")
    old, young = at("2025-01-01"), at("2025-01-02")
    lots = {
        "late": Lot(available=1, expires=late, since=old),
        "young": Lot(available=1, expires=early, since=young),
        "b": Lot(available=1, expires=early, since=old),
        "a": Lot(available=1, expires=early, since=old),
        "empty": Lot(available=0, pending=5, expires=early, since=old),
    }
    assert LotOrder(lots).soonest(9) == [("a", 1), ("b", 1), ("young", 1), ("late", 1)]


def test_growth_has_a_ledger_of_its_own_that_balances() -> None:
    """MEM-016, C-5."""
    state = MemberState(orders={"o": standing_order("2025-01-01", 5_099, growth=0)})
    journal = Journal(state)
    assert journal.close() is None
    journal.settle("o")
    journal.add("review/r", Deed(at("2025-01-02"), 20))
    journal.add("activity/none", Deed(at("2025-01-02"), 0))
    posting = journal.close()
    assert posting is not None
    assert posting.legs == (Leg("growth", "order/o", 50), Leg("granted", "", -70), Leg("growth", "review/r", 20))
    assert growth.balances(state) == {("growth", "order/o"): 50, ("growth", "review/r"): 20, ("granted", ""): -70}
    assert (state.growth, balances(state), set(state.deeds)) == (70, {}, {"review/r", "activity/none"})
