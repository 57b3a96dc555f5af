"""Items: what a customer's state keeps as rows of its own, so that the state stays small however long the history is.

An order that completed years ago, a lot of points, a redemption: each is an item with a name, such as `order/1001`,
and is loaded when an input or something due concerns it. A state that was folded from the start has all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from pydantic import BaseModel

I = TypeVar("I")  # noqa: E741
EVERYTHING = "*"
"""Wanted where only a fold from the start can tell: what is wanted then is the customer's whole history."""
Wanted = Iterable[str]
"""Names of items. One that ends in `/` stands for all whose names begin so; `EVERYTHING` for the whole history."""


class NotLoaded(LookupError):
    """A fold has read an item that it did not say it wants: a fault of its `wants`."""


class Items(Generic[I]):
    """A customer's items by name, as far as they are loaded; `whole`: these are all there are.

    `changed` are the names of those that were put, changed in place or removed since they were loaded.
    """

    __slots__ = ("_by_name", "_loaded", "_prefixes", "changed", "whole")

    def __init__(self, whole: bool = True) -> None:
        self._by_name: dict[str, I] = {}
        self._loaded: set[str] = set()
        # Of those loaded the few that stand for many: each name that is missing is held against them alone.
        self._prefixes: tuple[str, ...] = ()
        self.changed: set[str] = set()
        self.whole = whole

    def get(self, name: str) -> I | None:
        """The item, to be read; None: there is none. Raises NotLoaded."""
        found = self._by_name.get(name)
        if found is None and not self.whole and not self.has(name):
            raise NotLoaded(name)
        return found

    def change(self, name: str) -> I | None:
        """The item, to be changed in place; None: there is none. Raises NotLoaded."""
        found = self._by_name.get(name)
        if found is not None:
            self.changed.add(name)
        elif not self.whole and not self.has(name):
            raise NotLoaded(name)
        return found

    def put(self, name: str, item: I) -> I:
        """Keep an item under a name, in place of what was there."""
        self._by_name[name] = item
        self._loaded.add(name)
        self.changed.add(name)
        return item

    def remove(self, name: str) -> None:
        """There is no such item from now on."""
        self._by_name.pop(name, None)
        self._loaded.add(name)
        self.changed.add(name)

    def beginning(self, prefix: str) -> Iterator[tuple[str, I]]:
        """The items whose names begin so, in no order. Raises NotLoaded."""
        if not self.whole and prefix not in self._loaded:
            raise NotLoaded(prefix)
        return ((name, item) for name, item in self._by_name.items() if name.startswith(prefix))

    def has(self, wanted: str) -> bool:
        """Whether what is wanted is loaded, or known not to be there."""
        if self.whole:
            return True
        if wanted == EVERYTHING:
            return False
        return wanted in self._loaded or wanted.startswith(self._prefixes)

    def load(self, wanted: Iterable[str], stored: Mapping[str, I]) -> None:
        """Take what is stored of what was wanted; what is loaded already stays as it has become."""
        names = set(wanted)
        self._prefixes += tuple(n for n in names if n.endswith("/") and n not in self._prefixes)
        self._loaded |= names
        for name, item in stored.items():
            if name not in self._by_name and name not in self.changed:
                self._by_name[name] = item

    def all(self) -> Mapping[str, I]:
        """Every loaded item by name."""
        return self._by_name


class State(BaseModel):
    """A state with items beside it; what is stored of the state itself is its JSON, without them."""

    __slots__ = ("_items",)

    if not TYPE_CHECKING:
        # Pydantic keeps a record of which fields were set; nobody reads it here, and keeping it is slow.
        __setattr__ = object.__setattr__

    @property
    def items(self) -> Items[Any]:
        """The items; of a state that was just made all there are, which is none."""
        try:
            found: Items[Any] = self._items  # type: ignore[attr-defined]  # pydantic takes no annotation of a slot
        except AttributeError:
            found = Items()
            object.__setattr__(self, "_items", found)
        return found

    def partly(self) -> Self:
        """This state as just read, of which no item is loaded yet."""
        object.__setattr__(self, "_items", Items(whole=False))
        return self
