"""One-time links by which people come in, the first owner too."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Response
from pydantic import TypeAdapter, ValidationError

from common.events.fields import ShopName
from common.values.people import is_said_by_key
from console.access import store, store_invitations
from console.access.names import is_name
from console.access.passwords import LONGEST, SHORTEST
from console.sign_in.pages import begin_session
from console.web.guard import Guarded
from console.web.page import Viewer, see

router = APIRouter()
_SHOP: TypeAdapter[str] = TypeAdapter(ShopName)


@router.get("/invitation/{link}")
async def invitation(viewer: Guarded, link: str) -> Response:
    """The form in which a new person chooses a name and a password."""
    async with viewer.console.database.transaction() as tx:
        found = await store_invitations.get_invitation(tx, link)
    if found is None:
        return viewer.draw("sign_in/link_used.html", 410)
    return viewer.draw("sign_in/invitation.html", link=link, found=found, name="", shop="", errors={})


@router.post("/invitation/{link}")
async def take_invitation(
    viewer: Guarded,
    link: str,
    name: Annotated[str, Form(max_length=100)] = "",
    password: Annotated[str, Form(max_length=500)] = "",
    shop: Annotated[str, Form(max_length=100)] = "",
    agreed: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Make the person and sign them in; the link counts once."""
    console = viewer.console
    async with console.database.transaction() as tx:
        found = await store_invitations.get_invitation(tx, link)
    if found is None:
        return viewer.draw("sign_in/link_used.html", 410)
    if viewer.person is not None:
        return await _join(viewer, link, found.shop)
    name, shop = name.strip(), found.shop or shop.strip()
    errors = _errors(viewer, name, password, shop)
    if not agreed:
        errors["agreed"] = viewer.say("Tick the box to agree.")
    if not errors:
        hashed = await console.passwords.hashed(password)
        async with console.database.transaction() as tx:
            if await store_invitations.get_invitation(tx, link, take=True) is None:
                return viewer.draw("sign_in/link_used.html", 410)
            person = await store.insert_person(tx, name, hashed)
            if person is not None:
                await store.save_role(tx, person, shop, found.role, agreed=True)
            else:
                # The link goes on to count: nothing was made.
                await tx.connection.rollback()
        if person is not None:
            return await begin_session(
                viewer, person, f"/s/{shop}/today", entries=[(shop, "join", f"people/{found.role}")]
            )
        errors = {"name": viewer.say("Somebody has this name already: choose another one.")}
    return viewer.draw("sign_in/invitation.html", 422, link=link, found=found, name=name, shop=shop, errors=errors)


async def _join(viewer: Viewer, link: str, shop: str | None) -> Response:
    """Who is signed in gets the role in one more shop, and a session under a new id."""
    if shop is None or shop in viewer.who.shops:
        # A link for a role below one's own would take rights away.
        return see("/", "in-shop-already")
    async with viewer.console.database.transaction() as tx:
        taken = await store_invitations.get_invitation(tx, link, take=True)
        if taken is None:
            return viewer.draw("sign_in/link_used.html", 410)
        await store.save_role(tx, viewer.who.person_id, shop, taken.role)
    return await begin_session(
        viewer, viewer.who.person_id, f"/s/{shop}/today", entries=[(shop, "join", f"people/{taken.role}")]
    )


def _errors(viewer: Viewer, name: str, password: str, shop: str) -> dict[str, str]:
    """What is wrong, by field."""
    errors = {}
    if is_said_by_key(name):
        errors["name"] = viewer.say("A name does not end in {mark}: so end names that a program says.", mark="(key …)")
    elif not is_name(name):
        errors["name"] = viewer.say("Enter the name under which you will sign in.")
    if not SHORTEST <= len(password) <= LONGEST:
        errors["password"] = viewer.say("A password has {least} to {most} characters.", least=SHORTEST, most=LONGEST)
    try:
        _SHOP.validate_python(shop)
    except ValidationError:
        errors["shop"] = viewer.say("Enter the shop's id, as it stands in the addresses of its API.")
    return errors
