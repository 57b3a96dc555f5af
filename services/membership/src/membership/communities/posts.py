"""What is said in a community: by the shop or by a member, and what answers what (MEM-099, MEM-100, MEM-108)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from common.events.fields import Identifier, PersonalText, Text
from common.values.names import READ, check_seen

PostKind = Literal["news", "offer", "topic", "question", "experience", "answer"]
OF_THE_SHOP: tuple[PostKind, ...] = ("news", "offer", "topic", "answer")
OF_MEMBERS: tuple[PostKind, ...] = ("question", "experience", "answer")


Words = Annotated[PersonalText, AfterValidator(check_seen), Field(max_length=2_000, description=READ)]


class Post(BaseModel):
    """The shop publishes `news`, an `offer` or a `topic`, by the person `by`; a member, the `customer`, asks a
    `question` or shares an `experience`; both give an `answer` to the post `replies_to`. `about`: a SKU, an offer's or
    an activity's id.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: PostKind
    words: Words
    customer: Identifier | None = None
    by: Annotated[Text, Field(min_length=1)] | None = None
    replies_to: Identifier | None = None
    about: Text | None = None

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if (self.customer is None) == (self.by is None):
            raise ValueError(
                "a post is a member's, `customer`, or the shop's, `by` one of its people: give one of them"
            )
        allowed = OF_MEMBERS if self.by is None else OF_THE_SHOP
        if self.kind not in allowed:
            who = "a member" if self.by is None else "the shop"
            raise ValueError(f"a post of {who} is one of {', '.join(allowed)}")
        if (self.kind == "answer") != (self.replies_to is not None):
            raise ValueError("`replies_to` names what an `answer` answers, and nothing else does")
        return self
