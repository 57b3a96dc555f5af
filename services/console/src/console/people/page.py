"""The people of a shop, as owners see and change them; and the agreement that everybody gives (SEC-003, XCT-004)."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Form, Path, Response

from common.storage.database import Transaction
from console.access import store as access
from console.access import store_invitations
from console.access import store_recoveries as recoveries
from console.access.audit import insert_entry
from console.access.roles import ROLES, Role
from console.people import store
from console.texts import N_
from console.web.guard import Guarded, NotHere
from console.web.page import Viewer, see

router = APIRouter()
INVITATION_HOURS = 48
LAST_OWNER = N_("A shop keeps one owner at least: make somebody else an owner first.")
PersonId = Annotated[int, Path(ge=1, le=2**63 - 1)]
FormId = Annotated[str, Form(max_length=50)]
Words = Annotated[str, Form(max_length=1_000)]


@router.get("/s/{shop}/people")
async def people(viewer: Guarded) -> Response:
    """Everybody with a role in the shop."""
    return await _list(viewer)


async def _list(viewer: Viewer, link: str = "") -> Response:
    async with viewer.console.database.transaction() as tx:
        found = await store.list_people(tx, viewer.here)
        links = await store_invitations.list_invitations(tx, viewer.here)
    return viewer.draw("people/people.html", found=found, roles=ROLES, link=link, links=links)


@router.post("/s/{shop}/people/invite")
async def invite_person(viewer: Guarded, form: FormId, role: Annotated[Role, Form()]) -> Response:
    """A one-time link, shown once: whoever opens it within two days chooses a name and a password.

    It counts while who made it owns the shop.
    """
    token = secrets.token_urlsafe(32)
    async with viewer.console.database.transaction() as tx:
        await store_invitations.insert_invitation(tx, token, role, viewer.here, INVITATION_HOURS, viewer.who.person_id)
        if not await _note(viewer, tx, "invite_person", f"people/{role}", form):
            return see(viewer.url("/people"), "sent-already")
    return await _list(viewer, f"{viewer.console.settings.public_url}/invitation/{token}")


@router.post("/s/{shop}/people/links/{made}")
async def take_back_link(viewer: Guarded, made: PersonId, form: FormId) -> Response:
    """A link that nobody has used counts no more."""
    async with viewer.console.database.transaction() as tx:
        if not await store_invitations.delete_invitation(tx, viewer.here, made):
            return see(viewer.url("/people"), "sent-already")
        done = await _note(viewer, tx, "take_back_link", f"people/links/{made}", form)
    return see(viewer.url("/people"), "done" if done else "sent-already")


@router.get("/s/{shop}/people/{person}")
async def person_of_shop(viewer: Guarded, person: PersonId) -> Response:
    """One of them, with what may be changed."""
    return await _one(viewer, person)


async def _one(viewer: Viewer, person: int, error: str = "", status: int = 200, link: str = "") -> Response:
    """The page of one of them; `link`: the one-time link that was just made, shown this once."""
    async with viewer.console.database.transaction() as tx:
        found = await store.get_person_of(tx, viewer.here, person)
        if found is None:
            raise NotHere
        violations = await store.list_violations(tx, viewer.here, person)
        no_link = await recoveries.why_not(tx, viewer.who.person_id, found)
    values = {"p": found, "violations": violations, "roles": ROLES, "no_link": no_link, "link": link}
    return viewer.draw("people/person.html", status, error=error, **values)


Change = Callable[[Transaction, dict[int, Role]], Awaitable[str]]
"""Changes something of a person whose shop is locked; gives what is wrong, or nothing."""


async def _changed(viewer: Viewer, person: int, action: str, form: str, change: Change, leads_to: str) -> Response:
    """Do it once, with its audit entry; on a refusal nothing is changed."""
    async with viewer.console.database.transaction() as tx:
        roles = await store.lock_people(tx, viewer.here)
        if person not in roles:
            raise NotHere
        error = await change(tx, roles)
        done = not error and await _note(viewer, tx, action, f"people/{person}", form)
        if error:
            await tx.connection.rollback()
    if error:
        return await _one(viewer, person, viewer.say(error), 422)
    return see(viewer.url(leads_to), "done" if done else "sent-already")


async def _note(viewer: Viewer, tx: Transaction, action: str, thing: str, form: str) -> bool:
    """The audit entry, last in its transaction; False where the form was sent before: then nothing is changed."""
    done = await insert_entry(tx, viewer.console.audit_key, viewer.who, viewer.here, action, thing, "done", form)
    if not done:
        await tx.connection.rollback()
    return done


async def _last_owner(viewer: Viewer, tx: Transaction, person: int) -> bool:
    """Whether nobody else who owns the shop may see it."""
    return not await store.list_owners_let_in(tx, viewer.here) - {person}


@router.post("/s/{shop}/people/{person}/role")
async def change_role(viewer: Guarded, person: PersonId, form: FormId, role: Annotated[Role, Form()]) -> Response:
    """Another role in this shop, from the next page on."""

    async def change(tx: Transaction, roles: dict[int, Role]) -> str:
        if role != "owner" and roles[person] == "owner" and await _last_owner(viewer, tx, person):
            return LAST_OWNER
        await access.save_role(tx, person, viewer.here, role)
        return ""

    return await _changed(viewer, person, "change_role", form, change, f"/people/{person}")


@router.post("/s/{shop}/people/{person}/sessions")
async def sign_out_person(viewer: Guarded, person: PersonId, form: FormId) -> Response:
    """Sign them out of this shop wherever they are signed in; other shops of theirs are not this owner's."""

    async def change(tx: Transaction, roles: dict[int, Role]) -> str:
        await store.close_to_sessions(tx, person, viewer.here)
        return ""

    return await _changed(viewer, person, "sign_out_person", form, change, f"/people/{person}")


@router.post("/s/{shop}/people/{person}/recovery")
async def make_recovery(viewer: Guarded, person: PersonId, form: FormId) -> Response:
    """A link, shown once, by which the person chooses a new password and has no second factor any more."""
    token = secrets.token_urlsafe(32)
    async with viewer.console.database.transaction() as tx:
        roles = await store.lock_people(tx, viewer.here)
        found = await store.get_person_of(tx, viewer.here, person)
        if person not in roles or found is None:
            raise NotHere
        error = await recoveries.why_not(tx, viewer.who.person_id, found)
        if not error:
            await recoveries.save_link(tx, token, person, viewer.who.person_id)
            if not await _note(viewer, tx, "make_recovery", f"people/{person}", form):
                return see(viewer.url(f"/people/{person}"), "sent-already")
    if error:
        return await _one(viewer, person, viewer.say(error), 422)
    return await _one(viewer, person, link=f"{viewer.console.settings.public_url}/recovery/{token}")


@router.post("/s/{shop}/people/{person}/leave")
async def remove_person(
    viewer: Guarded, person: PersonId, form: FormId, sure: Annotated[str, Form(max_length=10)] = ""
) -> Response:
    """Their role in this shop ends, and with the last role their sessions; what they did stays in the audit."""

    async def change(tx: Transaction, roles: dict[int, Role]) -> str:
        if not sure:
            return N_("Tick the box to remove somebody.")
        if roles[person] == "owner" and await _last_owner(viewer, tx, person):
            return LAST_OWNER
        await store.delete_role(tx, person, viewer.here)
        return ""

    return await _changed(viewer, person, "remove_person", form, change, "/people")


@router.post("/s/{shop}/people/{person}/violations")
async def note_violation(viewer: Guarded, person: PersonId, form: FormId, what: Words = "") -> Response:
    """They see no customer any more until it is handled and they agree anew."""

    async def change(tx: Transaction, roles: dict[int, Role]) -> str:
        if not what.strip():
            return N_("Say in a few words what happened.")
        if person == viewer.who.person_id:
            return N_("Another owner notes what you did: nobody could handle it if you were kept out.")
        await store.insert_violation(tx, person, viewer.here, viewer.who.name, what.strip())
        return ""

    return await _changed(viewer, person, "note_violation", form, change, f"/people/{person}")


@router.post("/s/{shop}/people/{person}/violations/{violation}")
async def handle_violation(
    viewer: Guarded, person: PersonId, violation: PersonId, form: FormId, outcome: Words = ""
) -> Response:
    """What came of it; afterwards they are asked to agree anew."""

    async def change(tx: Transaction, roles: dict[int, Role]) -> str:
        if not outcome.strip():
            return N_("Say in a few words what came of it.")
        handled = await store.handle_violation(tx, viewer.here, person, violation, viewer.who.name, outcome.strip())
        return "" if handled else N_("It was handled before.")

    return await _changed(viewer, person, "handle_violation", form, change, f"/people/{person}")


@router.get("/account/confidentiality")
async def confidentiality(viewer: Guarded) -> Response:
    """What everybody agrees to before seeing customers."""
    return viewer.draw("people/confidentiality.html", error="")


@router.post("/account/confidentiality")
async def agree(viewer: Guarded, agreed: Annotated[str, Form(max_length=10)] = "") -> Response:
    """Agree, from now on; refused while a violation is not handled."""
    error = N_("Tick the box to agree.")
    if agreed:
        async with viewer.console.database.transaction() as tx:
            done = await store.agree(tx, viewer.who.person_id)
        if done:
            await viewer.record("agree", "confidentiality")
            return see("/")
        error = N_("An owner has noted a violation: ask to have it handled first.")
    return viewer.draw("people/confidentiality.html", 422, error=viewer.say(error))
