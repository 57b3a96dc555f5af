"""A member's state: the shop, under each part's name what that part keeps, and its share in the member's items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Generic, Self, TypeVar

from common.fold.items import State

T = TypeVar("T")
Item = dict[str, Any]
"""What is kept of one thing, an order say: by field, what each part keeps of it. `fold.py` says the fields' types."""


class Member(State):
    """A customer as membership knows it; fold.py adds a field for each part's state.

    Stored as JSON without what equals its default, so a field added later needs a default that says "as before".
    """

    __slots__ = ("_history",)  # of a member who was folded from the start; see qualification.history

    shop: str = ""


class PartState:
    """What one part keeps of a member, stored under `NAME`; every field has a default.

    States are plain dataclasses because they are written to many times an event, which pydantic makes slow. `memo` is
    for what a part makes from its state and keeps while a customer is folded; it is neither stored nor compared.
    """

    __slots__ = ("memo",)
    NAME: ClassVar[str]
    memo: Any

    @classmethod
    def of(cls, member: Member) -> Self:
        """This part's state of the member, to be read by every part and changed by its own."""
        state: Self = member.__dict__[cls.NAME]
        return state


class Share(Generic[T]):
    """What one part keeps of each thing of a kind, in that thing's item: `field` is the part's own.

    To be read by every part, and changed by its own. All but the names raise NotLoaded where the fold did not want it.
    """

    __slots__ = ("all_names", "field", "made")

    def __init__(self, kind: str, field: str, made: type[T]) -> None:
        self.field, self.made = field, made
        self.all_names = f"{kind}/"
        """Wants all items of the kind."""

    def name(self, one: str) -> str:
        """The name of the item, to be wanted."""
        return self.all_names + one

    def get(self, member: Member, one: str) -> T | None:
        """To be read."""
        item = member.items.get(self.all_names + one)
        return None if item is None else item.get(self.field)

    def change(self, member: Member, one: str) -> T:
        """To be changed in place; made where there is none."""
        items, name = member.items, self.all_names + one
        item = items.change(name)
        if item is None:
            item = items.put(name, {})
        found: T | None = item.get(self.field)
        return self._make(item) if found is None else found

    def _make(self, item: Item) -> T:
        made = self.made()
        # In order of name whatever came first, so that equal items are stored equal.
        if item and self.field < next(reversed(item)):
            shares = sorted([*item.items(), (self.field, made)])
            item.clear()
            item.update(shares)
        else:
            item[self.field] = made
        return made

    def remove(self, member: Member, one: str) -> None:
        """Keep nothing of it any more; the item goes with its last share."""
        items, name = member.items, self.all_names + one
        item = items.change(name)
        if item is not None and self.field in item:
            del item[self.field]
            if not item:
                items.remove(name)

    def all(self, member: Member) -> Iterator[tuple[str, T]]:
        """Of every thing of the kind, by id; in no order."""
        skipped = len(self.all_names)
        for name, item in member.items.beginning(self.all_names):
            if self.field in item:
                yield name[skipped:], item[self.field]
