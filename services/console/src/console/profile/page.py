"""What a customer is like, for the shop's people alone: traits, buyer type with evidence, segments; and all tags."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Path, Query, Response

from common.values.paths import part
from console.texts import N_
from console.web.commands import carry_out, status_of, why_not
from console.web.guard import Guarded, NotHere
from console.web.page import Viewer, see
from console.web.tags import MOST_CHARACTERS, is_note, tag_of

router = APIRouter()
ROWS = 50
Tag = Annotated[str, Path(max_length=MOST_CHARACTERS)]


@router.get("/s/{shop}/customers/{customer}/profile")
async def profile(viewer: Guarded, customer: str) -> Response:
    """What is known by what was bought, said and done; never told to the customer (SEC-009)."""
    return await _page(viewer, customer)


async def _page(viewer: Viewer, customer: str, error: str = "", status: int = 200) -> Response:
    here = part(customer)
    asked = {
        "traits": viewer.of_shop("segmentation", f"/customers/{here}/traits"),
        "moves": viewer.of_shop("segmentation", f"/customers/{here}/rfm/movements", limit=str(ROWS)),
    }
    if viewer.may("change_tag"):
        asked |= {
            "tags": viewer.of_shop("segmentation", f"/customers/{here}/tags"),
            "known": viewer.of_shop("segmentation", "/tags"),
        }
    # What the customer is called among ourselves, who plans sees alone (SEC-009).
    labels = viewer.may("buyers_of_type")
    if labels:
        asked |= {
            "buyer_type": viewer.of_shop("segmentation", f"/customers/{here}/buyer-type"),
            "tribe": viewer.of_shop("segmentation", f"/customers/{here}/tribe"),
            "needs": viewer.of_shop("segmentation", f"/customers/{here}/needs"),
            "stays": viewer.of_shop("segmentation", f"/customers/{here}/segments", limit=str(ROWS)),
        }
    answers = dict(zip(asked, await viewer.ask(*asked.values()), strict=True))
    if answers["traits"].state == "unknown":
        raise NotHere
    return viewer.draw(
        "profile/profile.html",
        status,
        customer=customer,
        here=here,
        all=list(answers.values()),
        labels=labels,
        is_note=is_note,
        **answers,
        error=error,
        part=part,
    )


@router.post("/s/{shop}/customers/{customer}/tags")
async def change_tag(
    viewer: Guarded,
    customer: str,
    form: Annotated[str, Form(max_length=50)],
    tag: Annotated[str, Form(max_length=500)] = "",
    wanted: Annotated[Literal["give", "take"], Form()] = "give",
) -> Response:
    """Give the customer a tag, or take it away."""
    name = tag_of(tag)
    if name is None:
        said = viewer.say(N_('A tag has at most 100 characters, and none of " / # |.'))
        return await _page(viewer, customer, said, 422)
    path = f"/tags/{name.path}/customers" + ("/remove" if wanted == "take" else "")
    thing = f"customers/{part(customer)}/tags/{name.path}"
    body = {"customers": [customer], "source": "staff"}
    answer = await carry_out(viewer, f"tag_{wanted}", thing, form, "segmentation", "POST", path, json=body)
    if answer is not None and not answer.ok:
        return await _page(viewer, customer, why_not(viewer, answer), status_of(answer))
    done = "untagged" if wanted == "take" else "tagged"
    return see(viewer.url(f"/customers/{part(customer)}/profile"), "sent-already" if answer is None else done)


@router.get("/s/{shop}/tags")
async def tags(viewer: Guarded) -> Response:
    """Every tag that somebody bears, with how many do."""
    (page,) = await viewer.console.services.ask(viewer.of_shop("segmentation", "/tags"))
    return viewer.draw("profile/tags.html", page=page, part=part)


@router.get("/s/{shop}/tags/{tag}")
async def tag_customers(viewer: Guarded, tag: Tag, after: Annotated[str, Query(max_length=500)] = "") -> Response:
    """Who bears the tag."""
    asked = {"limit": str(ROWS)} | ({"after": after} if after else {})
    (page,) = await viewer.console.services.ask(viewer.of_shop("segmentation", f"/tags/{part(tag)}/customers", **asked))
    return viewer.draw("profile/tag.html", tag=tag, here=part(tag), page=page, after=after, part=part)
