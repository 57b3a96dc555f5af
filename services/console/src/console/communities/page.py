"""Communities: what they are, who may be in one now, who was invited, joined and left (MEM-040, MEM-094 to MEM-097)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Response

from common.values.paths import part
from console.client import Answer
from console.forms.fields import Field
from console.forms.sheets import Command, Sheet, empty, filled, order
from console.texts import N_
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.page import Viewer

router = APIRouter()
ROWS = 50
CHANNELS = (
    *("wechat_group", "wechat_account", "qq_group", "wangwang_group", "weibo", "tencent_weibo", "forum"),
    *("xiaohongshu", "douyin", "baidu_zhidao", "baidu_tieba", "aiguangjie", "mogujie", "meilishuo"),
    *("taobao_bangpai", "douban", "shop", "other"),
)
STATUSES = ("invited", "joined", "left", "removed")
Name = Annotated[str, Path(max_length=200)]
After = Annotated[str, Query(max_length=500)]
COMMUNITY = Sheet(
    N_("Set a community"),
    N_("Save the community"),
    (
        Field("community_id", N_("Id"), hint=N_("Such as tea-friends; one that is there is changed.")),
        Field("name", N_("Name"), hint=N_("What customers read.")),
        Field("channel", N_("Where it is"), "choice", choices=CHANNELS, words="channel_"),
        Field("tier_from", N_("From this tier on"), hint=N_("The tier's id; empty: for everybody."), optional=True),
        Field("theme", N_("Theme"), optional=True),
        Field("owner", N_("Who leads it"), hint=N_("An adviser or a key customer."), optional=True),
        Field("rules", N_("Rules"), "long", optional=True, most=500),
        Field("topic", N_("Topic of the moment"), optional=True),
        Field("open", N_("It takes new members"), "flag"),
    ),
    ("/communities", N_("Communities")),
)


@router.get("/s/{shop}/communities")
async def communities(viewer: Guarded, after: After = "") -> Response:
    """The shop's communities, by id."""
    asked = {"limit": str(ROWS)} | ({"after": after} if after else {})
    (page,) = await viewer.ask(viewer.of_shop("membership", "/communities", **asked))
    return viewer.draw("communities/communities.html", page=page, after=after, part=part)


async def _one(viewer: Viewer, community: str) -> dict[str, object] | None:
    """The community of the list; membership lists them by id, and `after` is the id before."""
    asked = {"limit": "200"}
    while True:
        found: Answer
        (found,) = await viewer.console.services.ask(viewer.of_shop("membership", "/communities", **asked))
        if not found.ok:
            raise NoAnswer(found)
        for each in found.body["items"]:
            if each["community_id"] == community:
                return dict(each)
        if not found.body["after"]:
            return None
        asked["after"] = found.body["after"]


@router.get("/s/{shop}/community-form")
async def community_form(viewer: Guarded, of: Annotated[str, Query(max_length=200)] = "") -> Response:
    """An empty form, or one that holds a community."""
    known = await _one(viewer, of) if of else None
    given: dict[str, str] = {"open": "yes"}
    if known is not None:
        terms = known["community"]
        assert isinstance(terms, dict)
        given = {"community_id": of} | {name: str(value or "") for name, value in terms.items()}
        given["open"] = "yes" if terms["open"] else ""
    return await empty(viewer, COMMUNITY, "/communities", given)


@router.post("/s/{shop}/communities")
async def save_community(viewer: Guarded) -> Response:
    """Made, or changed to what the form says."""
    form = await filled(viewer, COMMUNITY, "/communities")
    if form.wrong:
        return form.refused()
    path = f"/communities/{part(form.body.pop('community_id'))}"
    body = {"community": form.body, "by": viewer.who.name}
    return await form.send(Command("save_community", path.strip("/"), "membership", "PUT", path), path, json=body)


@router.get("/s/{shop}/communities/{community}")
async def one_community(viewer: Guarded, community: Name, after: After = "", more: After = "") -> Response:
    """Who is in it, and who may be; `more`: where the list of those who may be goes on."""
    return await _page(viewer, community, after, more)


async def _page(
    viewer: Viewer, community: str, after: str = "", more: str = "", error: str = "", status: int = 200
) -> Response:
    path = f"/communities/{part(community)}"
    members, eligible = await viewer.console.services.ask(
        viewer.of_shop("membership", f"{path}/members", limit=str(ROWS), **({"after": after} if after else {})),
        viewer.of_shop("membership", f"{path}/eligible", limit=str(ROWS), **({"after": more} if more else {})),
    )
    if members.state == "unknown":
        raise NotHere
    return viewer.draw(
        "communities/one.html",
        status,
        community=community,
        here=part(community),
        part=part,
        members=members,
        eligible=eligible,
        after=after,
        more=more,
        error=error,
    )


@router.post("/s/{shop}/communities/{community}/members/{customer}")
async def set_community_member(
    viewer: Guarded,
    community: Name,
    customer: str,
    form: Annotated[str, Form(max_length=50)],
    status: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Invited, joined, left or removed."""
    if status not in STATUSES:
        raise NotHere

    async def again(error: str, code: int) -> Response:
        return await _page(viewer, community, "", "", error, code)

    here = f"/communities/{part(community)}"
    path = f"{here}/members/{part(customer)}"
    body = {"status": status, "by": viewer.who.name}
    command = Command(f"community_{status}", path.strip("/"), "membership", "PUT", path)
    return await order(viewer, form, command, again, here, json=body)
