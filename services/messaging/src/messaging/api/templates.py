"""The shop's own templates: drafts, approval, preview; what greetings and promotions lead to (MSG-013, MSG-064)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import jinja2
from fastapi import Path
from pydantic import BaseModel, Field

from common.events.fields import Count, Identifier, ShopName
from common.events.messages import TemplateChanged
from common.http.api import Body, Router, Tx, require
from common.http.staff import Staff
from common.people.store import get_people
from common.refusals import Conflict, Invalid, NotFound
from common.shops.settings import display_names, get_shop
from common.values.people import is_same_person
from common.versions.table import tell
from messaging.campaigns.rules import values_of as campaign_values
from messaging.campaigns.store import list_campaigns
from messaging.channels.sms.segments import segments_of
from messaging.flows.checks import values_of as flow_values
from messaging.flows.store_versions import get_books
from messaging.policy.store import get_policies
from messaging.reports import template_effects
from messaging.standings.store import get_standings
from messaging.templates import store
from messaging.templates.checks import advice, problems, values_of
from messaging.templates.document import Kind, TemplateDocument
from messaging.templates.rendering import known_templates, lacking, own_language, render_own

router = Router(tags=["templates"])
TemplateName = Annotated[str, Path(pattern="^[a-z][a-z0-9_]{0,39}$", max_length=40, description="the template's name")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]


class UnknownTemplate(NotFound):
    """The shop has no such template of its own."""

    def __init__(self, template: str) -> None:
        super().__init__(
            "unknown_template",
            f"The shop has no template {template!r} of its own: save it, or list those there are at …/templates.",
        )


class TemplateRefused(Invalid):
    """A template that would not be filled in for everybody, or not for all that is written by it."""

    def __init__(self, found: list[str]) -> None:
        super().__init__("template_refused", f"It was not saved: {'; '.join(found[:10])}.", problems=found[:50])


class NotADraft(Conflict):
    """What was to be approved is approved, or not the newest draft, or its author's own."""

    def __init__(self, why: str) -> None:
        super().__init__("not_a_draft", why)


class TemplateSummary(BaseModel):
    """`version`: the one in force, null: none was approved. `draft`: a newer one that waits for approval."""

    template: str
    title: str
    kind: Kind
    version: int | None
    draft: int | None


class TemplatesOut(BaseModel):
    """`library`: templates that every shop has; one of the shop's own with the same name takes its place."""

    templates: list[TemplateSummary]
    library: list[str]


class TemplateVersionOut(BaseModel):
    version: int
    at: datetime
    author: str | None
    approved_by: str | None
    document: TemplateDocument


class TemplateOut(BaseModel):
    """All versions, the newest first."""

    template: str
    versions: list[TemplateVersionOut]


class TemplateIn(Body):
    """`author`: who wrote it, as the shop names its people; another one approves it."""

    document: TemplateDocument
    author: Staff


class TemplateSaved(BaseModel):
    """`advice`: what could be better; it was saved all the same."""

    template: str
    version: int
    advice: list[str]


class ApprovalIn(Body):
    """`version`: the draft; `by`: who approves, another one than its author."""

    version: Count
    by: Staff


class PreviewIn(Body):
    """`document`: one that is not saved; absent: the newest version. `customer`: written in their language, with their
    tier; nothing personal is opened. `values` take the place of samples."""

    document: TemplateDocument | None = None
    customer: Identifier | None = None
    language: Language | None = None
    name: Annotated[str, Field(max_length=200)] | None = "…"
    values: Annotated[dict[str, Annotated[str, Field(max_length=500)]], Field(max_length=30)] = Field(
        default_factory=dict
    )
    offer: bool = True


class PreviewOut(BaseModel):
    """`parts` and `encoding`: of `short` as a text message, which is what a gateway charges for; with `Name` and
    `link` in the places of `…`."""

    language: str
    subject: str
    text: str
    html: str | None
    short: str
    encoding: str
    parts: int


@router.get("/v1/shops/{shop}/templates", dependencies=[require("programme:read")])
async def list_templates(shop: ShopName, tx: Tx) -> TemplatesOut:
    """The shop's own templates, and the names of those that every shop has."""
    found: dict[str, TemplateSummary] = {}
    for v in await store.list_versions(tx, shop):
        d = v.document
        known = found.setdefault(
            d.template, TemplateSummary(template=d.template, title=d.title, kind=d.kind, version=None, draft=None)
        )
        if v.approved_by is not None:
            known.version = v.version
        elif known.version is None or v.version > known.version:
            known.draft = v.version
    return TemplatesOut(templates=[found[name] for name in sorted(found)], library=sorted(known_templates()))


@router.get("/v1/shops/{shop}/templates/{template}", dependencies=[require("programme:read")])
async def get_template(shop: ShopName, template: TemplateName, tx: Tx) -> TemplateOut:
    """One template with all its versions."""
    versions = await store.list_versions(tx, shop, template)
    if not versions:
        raise UnknownTemplate(template)
    return TemplateOut(template=template, versions=[TemplateVersionOut(**v._asdict()) for v in versions])


@router.put("/v1/shops/{shop}/templates/{template}", dependencies=[require("programme:write")])
async def put_template(shop: ShopName, template: TemplateName, body: TemplateIn, tx: Tx) -> TemplateSaved:
    """Save a draft, tried on sample customers first. Nothing is written by it before it is approved."""
    document = body.document
    found = problems(document)
    if document.template != template:
        found.insert(0, f"template: the document says {document.template!r}, the address {template!r}")
    if found:
        raise TemplateRefused(found)
    await store.lock_versions(tx, shop)
    version = await _save(tx, shop, document, body.author, None)
    return TemplateSaved(template=template, version=version, advice=advice(document))


@router.post("/v1/shops/{shop}/templates/{template}/approval", dependencies=[require("programme:write")])
async def approve_template(shop: ShopName, template: TemplateName, body: ApprovalIn, tx: Tx) -> TemplateSaved:
    """Approve a draft: the next message is written by it. It becomes a version of its own, which names who approved."""
    await store.lock_versions(tx, shop)
    versions = await store.list_versions(tx, shop, template)
    if not versions:
        raise UnknownTemplate(template)
    draft = next((v for v in versions if v.version == body.version), None)
    if draft is None or draft.approved_by is not None:
        raise NotADraft(f"Version {body.version} of {template!r} is no draft: read the template again.")
    if any(v.version > draft.version for v in versions):
        raise NotADraft(f"There is a newer version than {body.version}: read it, and approve that one or save another.")
    if draft.author is None or is_same_person(draft.author, body.by):
        raise NotADraft("A draft is approved by another person than its author.")
    if found := await _breaks(tx, shop, draft.document):
        raise TemplateRefused(found)
    version = await _save(tx, shop, draft.document, draft.author, body.by)
    return TemplateSaved(template=template, version=version, advice=advice(draft.document))


@router.post("/v1/shops/{shop}/templates/{template}/preview", dependencies=[require("programme:read")])
async def preview_template(shop: ShopName, template: TemplateName, body: PreviewIn, tx: Tx) -> PreviewOut:
    """The template as a customer would read it; nothing is stored."""
    document = body.document
    if document is None:
        versions = await store.list_versions(tx, shop, template)
        if not versions:
            raise UnknownTemplate(template)
        document = versions[0].document
    language, more = body.language, dict[str, Any](body.values)
    if body.customer is not None:
        key = shop, body.customer
        standings = await get_standings(tx, {key: tx.clock.now()}, await get_people(tx, [key]))
        more |= {k: v for k, v in standings[key].items() if k == "tier"}
        language = language or await template_effects.get_language(tx, shop, body.customer)
    policy = (await get_policies(tx, [shop]))[shop].policy
    names = await display_names(tx, [shop], tx.clock.now())
    values = values_of(
        document,
        {
            **more,
            "name": body.name,
            "shop_name": policy.sender_name or names[shop],
            "unsubscribe_url": "https://…" if body.offer else None,
            "answers_read": policy.reads_answers,
            "zone": (await get_shop(tx, shop)).at(tx.clock.now()).zone,
        },
    )
    try:
        long, short = (render_own(document, language, values, short=s) for s in (False, True))
        counted = render_own(document, language, values | _plain(values), short=True)
    except (jinja2.TemplateError, ValueError) as error:
        raise TemplateRefused([str(error)]) from None
    parts = segments_of(counted.text)
    return PreviewOut(
        language=own_language(document, language),
        subject=long.subject,
        text=long.text,
        html=long.html,
        short=short.text,
        encoding=parts.encoding,
        parts=parts.parts,
    )


def _plain(values: dict[str, Any]) -> dict[str, str]:
    """Words in place of our own ellipses, which are beyond GSM-7 and would make every text count as UCS-2."""
    plain = {"name": "Name", "unsubscribe_url": "link"}
    return {name: word for name, word in plain.items() if "…" in str(values[name])}


async def _breaks(tx: Tx, shop: str, document: TemplateDocument) -> list[str]:
    """Flows in use and campaigns under way whose messages do not have what the text asks for."""
    name, found = document.template, list[str]()
    for flow in (await get_books(tx, [shop]))[shop].now.flows.values():
        uses = flow.document.enabled and any(step.template == name for step in flow.document.messages)
        if uses and (said := lacking(document, name, flow_values(flow.document))):
            found.append(f"the flow {flow.document.flow!r} is written by it: {said} there")
    for campaign in await list_campaigns(tx, shop):
        uses = campaign.state in ("running", "paused") and name in campaign.document.templates.values()
        if uses and (said := lacking(document, name, *campaign_values(campaign.document))):
            found.append(f"the campaign {campaign.document.campaign!r} is written by it: {said} there")
    return found


async def _save(tx: Tx, shop: str, document: TemplateDocument, author: str | None, approved_by: str | None) -> int:
    version, now = await store.next_version(tx, shop), tx.clock.now()
    new = store.TemplateVersion(version, now, document, author, approved_by)
    if not await store.insert_version(tx, shop, new):
        raise NotADraft("Somebody saved another template at this moment: send it once more.")
    stored = document.model_dump(mode="json", exclude_none=True)
    data = TemplateChanged(version=version, valid_from=now, document=stored, author=author, approved_by=approved_by)
    await tell(tx, shop, "template", data)
    return version
