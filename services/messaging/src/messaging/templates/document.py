"""A template as data: what a message says in each language, long, short and as HTML (MSG-013, MSG-052)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="a-z, 0-9 and _, at most 40")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$", description="ISO 639, such as en or zh")]
Kind = Literal["greeting", "promotion", "information", "service"]
"""What it is about: greetings and promotions are compared (MSG-013), and promotions kept to a share (MSG-012)."""
Source = Annotated[str, Field(min_length=1, max_length=20_000)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Texts(Part):
    """The texts in one language. `html`: of a mail, beside its text; `short`: for text messages and chats."""

    subject: Annotated[str, Field(min_length=1, max_length=500)]
    text: Source
    short: Annotated[str, Field(min_length=1, max_length=2_000)]
    html: Source | None = None


class TemplateDocument(Part):
    """A template. `values`: what the flow fills in, each with a sample; name, shop and links are known everywhere.

    Where a text says nothing of unsubscribing, offers and surveys get the standard words.
    """

    template: Slug
    title: Annotated[str, Field(min_length=1, max_length=200)]
    kind: Kind = "information"
    values: Annotated[dict[Slug, Annotated[str, Field(max_length=500)]], Field(max_length=30)] = {}
    texts: Annotated[dict[Language, Texts], Field(min_length=1, max_length=20)]
