"""The survey builder: forms as data, read, saved and withdrawn one by one, each change a version of the policy."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from common.events.fields import Count, Identifier, ShopName
from common.http.api import Body, Router, Tx, require
from common.refusals import Conflict, Invalid
from feedback.commands.policy import save_version
from feedback.commands.surveys import UnknownForm
from feedback.forms.built_in import BUILT_IN
from feedback.forms.policy import SurveyRules
from feedback.forms.state import Form
from feedback.policy.state import Version, in_force
from feedback.policy.store import get_versions

router = Router(prefix="/v1/shops/{shop}/survey-forms", tags=["survey forms"])
MOST_FORMS = 100


class FormIdDiffers(Invalid):
    """The path names another form than the body."""

    def __init__(self, form_id: str) -> None:
        super().__init__("form_id_differs", f"The path names form {form_id!r}: let `form_id` say the same.")


class KindIsFixed(Conflict):
    """A form that every shop has keeps its kind."""

    def __init__(self, form_id: str, kind: str) -> None:
        super().__init__("kind_is_fixed", f"Form {form_id!r} is of kind {kind!r}: give another kind another id.")


class FormIsScheduled(Conflict):
    """A schedule asks it."""

    def __init__(self, form_id: str) -> None:
        super().__init__("form_is_scheduled", f"A schedule asks form {form_id!r}: take it from the policy first.")


class TooManyForms(Conflict):
    """A shop has at most so many."""

    def __init__(self) -> None:
        super().__init__("too_many_forms", f"The shop has {MOST_FORMS} forms of its own: withdraw one first.")


class FormIn(Body):
    """`replaces`: the newest version of the policy that was read; leave it away to change whatever is there."""

    form: Form
    replaces: Count | None = None


class FormOut(BaseModel):
    """`own`: the shop's, otherwise one that every shop has."""

    form: Form
    own: bool


class FormsOut(BaseModel):
    """The forms by id as the newest version of the policy has them, which surveys asked from `valid_from` on bear."""

    version: int
    valid_from: datetime | None
    items: list[FormOut]


class SavedOut(BaseModel):
    """The version of the policy that holds the change."""

    version: int
    valid_from: datetime


@router.get("", dependencies=[require("programme:read")])
async def list_forms(shop: ShopName, tx: Tx) -> FormsOut:
    """All forms of the shop, those in force or about to be (FBK-003 to FBK-005)."""
    newest = await _newest(tx, shop)
    rules = newest.policy.surveys
    own = {form.form_id for form in rules.forms}
    return FormsOut(
        version=newest.number,
        valid_from=newest.valid_from if newest.number else None,
        items=[FormOut(form=form, own=form.form_id in own) for form in rules.all_forms()],
    )


@router.get("/{form_id}", dependencies=[require("programme:read")])
async def get_form(shop: ShopName, form_id: Identifier, tx: Tx) -> FormOut:
    """One form, as surveys asked now have it."""
    rules = in_force((await get_versions(tx, [shop]))[shop], tx.clock.now()).policy.surveys
    form = rules.form(form_id)
    if form is None:
        raise UnknownForm(form_id)
    return FormOut(form=form, own=form in rules.forms)


@router.put("/{form_id}", dependencies=[require("programme:write")])
async def put_form(shop: ShopName, form_id: Identifier, body: FormIn, tx: Tx) -> SavedOut:
    """Save a form, for surveys asked from six minutes on; those asked before keep the questions that they had."""
    if body.form.form_id != form_id:
        raise FormIdDiffers(form_id)
    standard = BUILT_IN.get(form_id)
    if standard is not None and standard.kind != body.form.kind:
        raise KindIsFixed(form_id, standard.kind)
    newest = await _newest(tx, shop)
    others = [form for form in newest.policy.surveys.forms if form.form_id != form_id]
    if len(others) >= MOST_FORMS:
        raise TooManyForms
    return await _save(tx, shop, newest, (*others, body.form), body.replaces)


@router.delete("/{form_id}", dependencies=[require("programme:write")])
async def delete_form(
    shop: ShopName, form_id: Identifier, tx: Tx, replaces: Annotated[int | None, Query(ge=0, le=1_000_000)] = None
) -> SavedOut:
    """Withdraw a form of the shop's own; one that every shop has stands again. Surveys asked before keep theirs."""
    newest = await _newest(tx, shop)
    others = tuple(form for form in newest.policy.surveys.forms if form.form_id != form_id)
    scheduled = {schedule.form_id for schedule in newest.policy.surveys.schedules}
    if form_id in scheduled and form_id not in BUILT_IN:
        raise FormIsScheduled(form_id)
    if len(others) == len(newest.policy.surveys.forms):
        raise UnknownForm(form_id)
    return await _save(tx, shop, newest, others, replaces)


async def _newest(tx: Tx, shop: str) -> Version:
    return (await get_versions(tx, [shop]))[shop][-1]


async def _save(tx: Tx, shop: str, newest: Version, forms: tuple[Form, ...], replaces: int | None) -> SavedOut:
    before = newest.policy.surveys
    rules = SurveyRules(forms=forms, rest_days=before.rest_days, schedules=before.schedules)
    policy = newest.policy.model_copy(update={"surveys": rules})
    # Its own reading is what it changes: a version saved meanwhile is not overwritten.
    saved = await save_version(tx, shop, policy, newest.number if replaces is None else replaces)
    return SavedOut(version=saved.number, valid_from=saved.valid_from)
