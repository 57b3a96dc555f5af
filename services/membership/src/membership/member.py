"""A member's state: the shop, and under each part's name what that part keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from pydantic import BaseModel


class Member(BaseModel):
    """A customer as membership knows it; fold.py adds a field for each part's state.

    Stored as JSON without what equals its default, so a field added later needs a default that says "as before".
    """

    __slots__ = ("_history",)  # kept in memory while a customer is folded, made anew from what is stored

    shop: str = ""

    if not TYPE_CHECKING:
        # Pydantic keeps a record of which fields were set; nobody reads it here, and keeping it is slow.
        __setattr__ = object.__setattr__


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
        return cast(Self, member.__dict__[cls.NAME])
