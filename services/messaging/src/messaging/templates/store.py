"""Versions of templates: drafts and approved ones, added and never changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from common.storage.database import Transaction
from common.versions.table import lock_saving
from messaging.templates.document import TemplateDocument


class TemplateVersion(NamedTuple):
    """`approved_by` None: a draft, which nothing is written by."""

    version: int
    at: datetime
    document: TemplateDocument
    author: str | None
    approved_by: str | None


@lru_cache(1024)
def _read(text: str) -> TemplateDocument:
    return TemplateDocument.model_validate_json(text)


async def get_own(
    tx: Transaction, shops: Iterable[str], names: Iterable[str]
) -> dict[tuple[str, str], TemplateDocument]:
    """The approved texts in force, by (shop, template), of those shops that have their own."""
    # By the index on shop and template; the newest approved one each.
    rows = await tx.fetch(
        """
        select distinct on (shop, template) shop, template, cast(document as text) as document from template_versions
        where shop = any(:shops) and template = any(:names) and approved_by is not null
        order by shop, template, version desc
        """,
        shops=sorted(set(shops)),
        names=sorted(set(names)),
    )
    return {(r.shop, r.template): _read(r.document) for r in rows}


async def get_kinds(tx: Transaction, shops: Iterable[str]) -> dict[tuple[str, str], TemplateDocument]:
    """All approved texts in force of these shops, by (shop, template)."""
    # Few a shop; the same document is parsed once a process.
    rows = await tx.fetch(
        """
        select distinct on (shop, template) shop, template, cast(document as text) as document from template_versions
        where shop = any(:shops) and approved_by is not null order by shop, template, version desc
        """,
        shops=sorted(set(shops)),
    )
    return {(r.shop, r.template): _read(r.document) for r in rows}


async def get_approved(tx: Transaction, shop: str, names: Iterable[str]) -> dict[str, list[TemplateVersion]]:
    """All approved versions of these templates of the shop, the oldest first: what was in force at any instant."""
    found: dict[str, list[TemplateVersion]] = {}
    # By the index on shop and template; few of each.
    for r in await tx.fetch(
        """
        select template, version, at, cast(document as text) as document, author, approved_by from template_versions
        where shop = :shop and template = any(:names) and approved_by is not null order by version
        """,
        shop=shop,
        names=sorted(set(names)),
    ):
        version = TemplateVersion(r.version, r.at, _read(r.document), r.author, r.approved_by)
        found.setdefault(r.template, []).append(version)
    return found


async def list_names(tx: Transaction, shop: str) -> list[str]:
    """The shop's own templates with an approved version."""
    # By the index on shop and template.
    rows = await tx.fetch(
        "select distinct template from template_versions where shop = :shop and approved_by is not null order by 1",
        shop=shop,
    )
    return [r.template for r in rows]


async def list_versions(tx: Transaction, shop: str, template: str | None = None) -> Sequence[TemplateVersion]:
    """Versions of one template, or the newest of each, the newest first."""
    # By the index on shop and template.
    rows = await tx.fetch(
        """
        select version, at, cast(document as text) as document, author, approved_by from (
            select *, row_number() over (partition by template, approved_by is null order by version desc) as place
            from template_versions where shop = :shop and (cast(:template as text) is null or template = :template)
        ) v where cast(:template as text) is not null or place = 1 order by version desc limit 500
        """,
        shop=shop,
        template=template,
    )
    return [TemplateVersion(r.version, r.at, _read(r.document), r.author, r.approved_by) for r in rows]


async def lock_versions(tx: Transaction, shop: str) -> None:
    """Save versions of the shop's templates one after the other; called before the template is read."""
    await lock_saving(tx, "template_versions", shop)


async def next_version(tx: Transaction, shop: str) -> int:
    """The number of the shop's next version over all its templates; the caller's own after `lock_versions`."""
    # By primary key.
    query = "select coalesce(max(version), 0) + 1 from template_versions where shop = :shop"
    return int(await tx.value(query, shop=shop))


async def insert_version(tx: Transaction, shop: str, new: TemplateVersion) -> bool:
    """Add a version; False when that number is there already."""
    # The primary key lets one of two writers of the same next version through.
    count = await tx.execute(
        """
        insert into template_versions (shop, version, at, template, document, author, approved_by)
        values (:shop, :version, :at, :template, cast(:document as jsonb), :author, :approved_by)
        on conflict do nothing
        """,
        shop=shop,
        version=new.version,
        at=new.at,
        template=new.document.template,
        document=new.document.model_dump_json(),
        author=new.author,
        approved_by=new.approved_by,
    )
    return count == 1
