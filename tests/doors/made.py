"""Objects of a shop, made by its own requests: each bears `theirs` in its name, or is named by the service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

NOW = datetime(2025, 3, 4, 2, tzinfo=UTC)
ANN, BOB = "theirs-ann", "theirs-bob"
Call = Callable[..., Awaitable[Any]]
"""(service, method, path within the shop, body) to the decoded answer, which must be a success."""

TERMS = {"name": "Spring", "percent": 1_000, "starts": "2025-03-01T00:00:00Z", "ends": "2025-05-01T00:00:00Z"}
TIMES = {"starts": "2025-03-05T00:00:00Z", "ends": "2025-05-01T00:00:00Z"}
CIRCLE = {"name": "Circle", "channel": "wechat_group", "owner": "wu"}
JOINT = TERMS | {
    "partner": "The potter",
    "segment": "theirs-segment",
    "offer_id": "theirs-offer",
    "shares": "aggregate",
}
del JOINT["percent"]
CART = {"customer": ANN, "currency": "USD", "lines": [{"sku": "tea", "quantity": 1, "price": 10_000}], "freight": 0}
TEMPLATE = {
    "template": "theirs_template",
    "title": "Spring",
    "kind": "promotion",
    "values": {"gift": "a cup"},
    "texts": {"en": {"subject": "Spring", "text": "{{ gift }} waits for you.", "short": "{{ gift }} waits."}},
}
CAMPAIGN = {
    "campaign": "theirs_campaign",
    "title": "Spring",
    "goal": "They come back",
    "starts_at": "2025-03-04T01:00:00Z",
    "variants": [{"name": "a", "template": "win_back"}],
}
FLOW = {
    "flow": "theirs_flow",
    "title": "Of theirs",
    "enabled": False,
    "purpose": "marketing",
    "trigger": {"on": "event", "event": "order.completed"},
    "steps": [{"id": "a", "do": "message", "template": "win_back"}],
}
FORM = {
    "form_id": "theirs-form",
    "kind": "poll",
    "title": {"en": "Which next?"},
    "questions": [{"question_id": "price", "type": "score", "words": {"en": "Worth"}, "lowest": 0, "highest": 10}],
}
PARTNER = {
    "basis": "pseudonyms",
    "by": "mara",
    "customer_fields": ["orders"],
    "name": "Potter",
    "purpose": "a joint campaign",
}
GOAL = {"name": "Orders", "kpi": "orders", "since": "2025-03-03", "until": "2025-03-31", "target": 10}
FILE = b"00001 19970101 1 11.77\n"
LINES = [{"quantity": 1, "sku": "theirs-tea"}]
ORDER = {
    "currency": "USD",
    "customer": ANN,
    "goods_paid": 60_000,
    "lines": [{"sku": "theirs-tea", "quantity": 1, "paid": 60_000}],
    "state": "completed",
    "time": "2025-02-20T09:00:00Z",
}
PAID = ORDER | {"state": "paid", "time": "2025-03-04T02:50:00Z"}


def adjustment(command_id: str, points: int) -> dict[str, Any]:
    return {"command_id": command_id, "points": points, "reason": "lost", "by": "mara"}


async def make_rules(call: Call, names: dict[str, str]) -> None:
    """They hold from the next instant on."""
    programme = (await call("membership", "GET", "/programme"))["programme"]
    programme["surprises"]["budget_a_month"] = 1_000
    await call("membership", "PUT", "/programme", {"programme": programme})
    reward = {"review_reward": {"enabled": True, "per_mille": 100}}
    await call("feedback", "PUT", "/policy", {"policy": reward})
    for service, what in (("membership", "programme"), ("segmentation", "thresholds"), ("messaging", "policy")):
        rules = (await call(service, "GET", f"/{what}"))[what]
        later = {what: rules, "valid_from": "2025-04-01T00:00:00Z"}
        names[f"{service}/version"] = str((await call(service, "PUT", f"/{what}", later))["version"])


async def make_orders(call: Call, names: dict[str, str]) -> None:
    for customer in (ANN, BOB):
        profile = {"name": "Ann Li", "email": f"{customer}@example.com", "phone": "+4930123456"}
        await call("orders-ingest", "PUT", f"/customers/{customer}", profile)
        consents = {"consents": [{"channel": "email", "granted": True, "at": "2025-02-01T00:00:00Z"}]}
        await call("orders-ingest", "PUT", f"/customers/{customer}/consents", consents)
        await call("orders-ingest", "PUT", f"/customers/{customer}/sharing", {"granted": True, "source": "checkout"})
    await call("orders-ingest", "PUT", "/products/theirs-tea", {"name": "Tea", "price": 60_000, "currency": "USD"})
    await call("orders-ingest", "PUT", "/orders/theirs-1", ORDER)
    await call("orders-ingest", "PUT", "/orders/theirs-2", PAID)
    at = {"time": "2025-02-21T09:00:00Z"}
    await call(
        "orders-ingest", "PUT", "/orders/theirs-1/special-requests/theirs-wish", {"state": "open", "text": "gift"}
    )
    await call("orders-ingest", "PUT", "/orders/theirs-1/returns/theirs-return",
               {"lines": LINES, "reason_code": "size", "state": "open"} | at)  # fmt: skip
    await call("orders-ingest", "PUT", "/orders/theirs-2/parcels/theirs-parcel", {"lines": LINES} | at)
    await call("orders-ingest", "POST", "/orders/theirs-2/logistics",
               {"status": "in_transit", "tracking": "theirs-parcel", "place": "with the neighbour"} | at)  # fmt: skip
    await call("orders-ingest", "PUT", "/refunds/theirs-refund",
               {"amount": 100, "currency": "USD", "order_id": "theirs-1"} | at)  # fmt: skip
    run = {"run_id": "theirs-run", "since": "2025-02-01T00:00:00Z", "until": "2025-03-01T00:00:00Z"}
    await call("orders-ingest", "POST", "/reconciliations", run)
    await call("orders-ingest", "PUT", "/sharing/partners/theirs-partner", PARTNER)
    share = {"by": "mara", "fields": ["orders"], "what": "customers"}
    await call("orders-ingest", "PUT", "/sharing/partners/theirs-partner/shares/theirs-share", share)
    for upload in ("theirs-upload", "theirs-whole"):
        await call("orders-ingest", "PUT", f"/uploads/{upload}", {"size": len(FILE)})
    await call("orders-ingest", "PUT", "/uploads/theirs-whole/parts/1", FILE)
    await call("orders-ingest", "PUT", "/customers/theirs-gone", {"name": "Gone"})
    await call("orders-ingest", "POST", "/customers/theirs-gone/erasure")
    await call("orders-ingest", "PUT", "/customers/theirs-double", {"name": "Double"})
    refused = FILE + b"a line that is none\n"
    names["job_id"] = (await call("orders-ingest", "POST", "/imports?layout=cdnow_master", refused))["id"]


async def make_members(call: Call, names: dict[str, str]) -> None:
    programme = (await call("membership", "GET", "/programme"))["programme"]
    for command_id, points in (("theirs-small", 400), ("theirs-large", 50_000)):
        await call("membership", "POST", f"/members/{ANN}/adjustments", adjustment(command_id, points))
    grant = {"command_id": "theirs-grant", "tier": programme["tiers"][-1]["id"], "reason": "lost", "by": "mara"}
    await call("membership", "POST", f"/members/{ANN}/tier-grants", grant)
    await call("membership", "POST", f"/members/{ANN}/surprises",
               {"command_id": "theirs-surprise", "what": "a cup", "value": 100, "by": "mara"})  # fmt: skip
    await call("membership", "POST", f"/members/{ANN}/check-ins")
    await call("membership", "PUT", "/offers/theirs-offer", TERMS)
    await call("membership", "POST", "/offers/theirs-offer/coupons", {"batch": "theirs-batch", "customers": [ANN, BOB]})
    issued = (await call("membership", "GET", "/offers/theirs-offer/coupons?batch=theirs-batch"))["coupons"]
    names["code"] = issued[0]["code"]
    await call("membership", "POST", f"/coupons/{issued[0]['code']}/uses",
               {"order_id": "theirs-3", "customer": issued[0]["customer"], "amount": 100})  # fmt: skip
    await call("membership", "PUT", "/activities/theirs-activity", {"name": "Spring", "prizes": 1} | TIMES)
    await call("membership", "POST", "/activities/theirs-activity/invitations", {"customers": [ANN], "by": "wu"})
    await call("membership", "PUT", f"/activities/theirs-activity/entries/{ANN}", {"status": "taken"})
    await call("membership", "PUT", "/communities/theirs-circle", {"community": CIRCLE, "by": "wu"})
    await call("membership", "PUT", f"/communities/theirs-circle/members/{ANN}", {"status": "joined", "by": "wu"})
    await call("membership", "PUT", "/communities/theirs-circle/posts/theirs-post",
               {"kind": "question", "words": "Which?", "customer": ANN})  # fmt: skip
    await call("membership", "PUT", "/communities/theirs-circle/posts/theirs-answer",
               {"kind": "answer", "words": "This", "by": "wu", "replies_to": "theirs-post"})  # fmt: skip
    await call("membership", "PUT", "/joint-campaigns/theirs-joint", {"campaign": JOINT, "by": "wu"})
    await call("membership", "POST", "/redemptions",
               {"redemption_id": "theirs-redemption", "customer": ANN, "points": 100, "order_total": 50_000,
                "currency": "USD"})  # fmt: skip
    await call("membership", "POST", "/checkout/orders/theirs-4/reserve", CART)
    await call("membership", "POST", f"/members/{ANN}/benefits/free_shipping/uses", {"order_id": "theirs-6"})
    await call("membership", "PUT", f"/members/{ANN}/traits", {"device": "d"})
    code = (await call("membership", "POST", f"/members/{ANN}/referral-code", {"traits": {"device": "d"}}))["code"]
    brought = {"code": code, "customer": "theirs-new", "traits": {"device": "d"}}
    names["referral_id"] = (await call("membership", "POST", "/referrals", brought))["referral_id"]


async def make_segments(call: Call) -> None:
    await call("segmentation", "PUT", "/segments/theirs-segment", {"name": "Some", "expression": "orders >= 1"})
    await call("segmentation", "PUT", "/goals/theirs-goal", GOAL)
    await call("segmentation", "POST", "/tags/theirs-tag/customers", {"customers": [ANN], "source": "call"})


async def make_messages(call: Call, names: dict[str, str]) -> None:
    await call("messaging", "PUT", "/templates/theirs_template", {"document": TEMPLATE, "author": "li"})
    await call("messaging", "PUT", "/campaigns/theirs_campaign", {"document": CAMPAIGN})
    await call("messaging", "PUT", "/flows/theirs_flow", {"document": FLOW})
    names["message_id"] = (await call("messaging", "GET", f"/customers/{ANN}/decisions"))[0]["message_id"]


async def make_feedback(call: Call, names: dict[str, str]) -> None:
    await call("feedback", "POST", "/tickets",
               {"ticket_id": "theirs-ticket", "customer": ANN, "kind": "quality", "order_id": "theirs-1",
                "reason": "not_fresh", "photos": ["p1"], "text": "smokes",
                "claim": {"kind": "points", "amount": 80, "currency": "USD"}})  # fmt: skip
    review = {"review_id": "theirs-review", "customer": ANN, "order_id": "theirs-1", "stars": 5, "text": "tea " * 20}
    await call("feedback", "POST", "/reviews", review)
    await call("feedback", "POST", "/reward-claims",
               {"claim_id": "theirs-claim", "customer": ANN, "review_id": "theirs-review"})  # fmt: skip
    await call("feedback", "POST", "/reward-claims/theirs-claim/decision", {"decision": "approve", "by": "li"})
    await call("feedback", "PUT", "/survey-forms/theirs-form", {"form": FORM})
    task = {"task_id": "theirs-task", "kind": "improvement", "owner": "wu", "title": "Boxes", "topic": "packaging"}
    await call("feedback", "POST", "/staff-tasks", task | {"due_at": "2030-03-31T10:00:00Z", "requested_by": "li"})
    await call("feedback", "POST", "/ugc",
               {"content_id": "theirs-content", "customer": ANN, "kind": "buyer_show", "text": "My cup"})  # fmt: skip
    asked = await call("feedback", "POST", "/surveys",
                       {"request_id": "theirs-ask", "form_id": "nps", "customers": [ANN]})  # fmt: skip
    names["survey_id"] = asked["items"][0]["survey_id"]


NAMES = {
    "customer": ANN,
    "order_id": "theirs-1",
    "sku": "theirs-tea",
    "ticket_id": "theirs-ticket",
    "task_id": "theirs-task",
    "form_id": "theirs-form",
    "content_id": "theirs-content",
    "claim_id": "theirs-claim",
    "photo_id": "theirs-photo",
    "membership order_id /checkout/orders/{order_id}/commit": "theirs-4",
    "membership order_id /checkout/orders/{order_id}/reserve": "theirs-5",
    "membership order_id /checkout/orders/{order_id}/void": "theirs-4",
    "membership order_id /coupons/{code}/uses/{order_id}/commit": "theirs-3",
    "membership order_id /coupons/{code}/uses/{order_id}/release": "theirs-3",
    "membership order_id /members/{customer}/benefits/{kind}/uses/{order_id}/commit": "theirs-6",
    "membership order_id /members/{customer}/benefits/{kind}/uses/{order_id}/release": "theirs-6",
    "orders-ingest customer /customers/{customer}/erasure": "theirs-gone",
    "orders-ingest order_id /orders/{order_id}/fulfilment": "theirs-2",
    "orders-ingest upload_id /uploads/{upload_id}/import": "theirs-whole",
    "orders-ingest upload_id /uploads/{upload_id}/preview": "theirs-whole",
    "activity_id": "theirs-activity",
    "community_id": "theirs-circle",
    "post_id": "theirs-post",
    "offer_id": "theirs-offer",
    "campaign_id": "theirs-joint",
    "delivery_id": "theirs-delivery",
    "redemption_id": "theirs-redemption",
    "command_id": "theirs-large",
    "membership command_id /tier-grants/{command_id}/approve": "theirs-grant",
    "membership command_id /tier-grants/{command_id}/refuse": "theirs-grant",
    "dead_id": "7",
    "segment": "theirs-segment",
    "goal": "theirs-goal",
    "tag": "theirs-tag",
    "reason_id": "theirs-reason",
    "template": "theirs_template",
    "campaign": "theirs_campaign",
    "flow": "theirs_flow",
    "run_id": "theirs-run",
    "partner": "theirs-partner",
    "share_id": "theirs-share",
    "upload_id": "theirs-upload",
    "request_id": "theirs-wish",
    "return_id": "theirs-return",
    "exchange_id": "theirs-exchange",
    "parcel_id": "theirs-parcel",
    "reshipment_id": "theirs-reshipment",
    "refund_id": "theirs-refund",
    "kind": "free_shipping",
    "segmentation kind /segments/{kind}/{value}/customers": "stage",
    "membership kind /members/{customer}/partnerships/{kind}": "ambassador",
    "value": "new",
    "vendor": "shopify",
    "table": "customers",
    "channel": "email",
    "topic": "packaging",
    "month": "2025-02",
    "buyer_type": "greedy",
    "number": "1",
}
"""What stands in a place of a path: by service, place and path, by service, or by the place."""
NOT_OF_A_SHOP = {"kind", "value", "vendor", "table", "channel", "topic", "month", "buyer_type", "number"}
"""Places that name no object of a shop's."""
WITH: dict[str, str] = {
    "membership GET /members/{customer}/access": "?public_from=2025-03-10T00:00:00Z",
    "membership GET /offers/{offer_id}/coupons": "?batch=theirs-batch",
    "membership GET /offers/{offer_id}/effect": "?batch=theirs-batch",
    "orders-ingest GET /customers/{customer}/personal": "?fields=name",
    "orders-ingest POST /uploads/{upload_id}/import": "?layout=cdnow_master",
    "orders-ingest POST /uploads/{upload_id}/preview": "?layout=cdnow_master",
    "segmentation GET /report/life-cycle-flow/{month}/customers": "?old=active&new=active",
    "segmentation GET /report/rfm-flow/{month}/customers": "?old=111&new=111",
}
"""The query of those that ask for one."""
BODIES: dict[str, Any] = {
    "POST /staff-tasks/{task_id}/changes": {"owner": "li", "revision": 1},
    "POST /staff-tasks/{task_id}/end": {"outcome": "done", "by": "li", "measure": "boxes"},
    "POST /ugc/{content_id}/decision": {"decision": "refuse", "by": "li", "reason": "blurred"},
    "PUT /survey-forms/{form_id}": {"form": FORM},
    "POST /checkout/orders/{order_id}/reserve": CART,
    "POST /members/{customer}/adjustments": adjustment("theirs-other", 10),
    "POST /members/{customer}/surprises": {"command_id": "theirs-cup", "what": "a cup", "value": 1, "by": "mara"},
    "POST /members/{customer}/tier-grants": {
        "command_id": "theirs-lift",
        "tier": "supreme",
        "reason": "lost",
        "by": "mara",
    },
    "POST /offers/{offer_id}/coupons": {"batch": "theirs-other", "customers": [BOB]},
    "PUT /activities/{activity_id}": {"name": "Spring", "prizes": 1} | TIMES,
    "PUT /communities/{community_id}/posts/{post_id}": {"kind": "news", "words": "New", "by": "wu"},
    "PUT /joint-campaigns/{campaign_id}": {"campaign": JOINT, "by": "wu"},
    "PUT /offers/{offer_id}": TERMS,
    "POST /flows/{flow}/what-if": {"since": "2025-02-01T00:00:00Z", "until": "2025-03-01T00:00:00Z", "document": FLOW},
    "PUT /campaigns/{campaign}": {"document": CAMPAIGN},
    "PUT /flows/{flow}": {"document": FLOW},
    "PUT /templates/{template}": {"document": TEMPLATE, "author": "li"},
    "POST /customers/{customer}/merge": {"absorbed": "theirs-double"},
    "POST /customers/{customer}/unmerge": {"absorbed": "theirs-double"},
    "PUT /orders/{order_id}": ORDER,
    "PUT /refunds/{refund_id}": {"amount": 100, "currency": "USD", "order_id": "theirs-1", "time": ORDER["time"]},
    "PUT /uploads/{upload_id}/parts/{number}": FILE,
    "PUT /goals/{goal}": GOAL,
    "PUT /segments/{segment}": {"name": "Some", "expression": "orders >= 2"},
}
"""What is sent, where the document has no example of it and its shortest form says nothing sensible."""
NOT_MADE = {
    "feedback GET /customers/{customer}/photos/{photo_id}": "photos are not kept here: see test_photos.py of feedback",
    "feedback GET /ugc/{content_id}/photos/{photo_id}": "the same",
    "messaging DELETE /customers/{customer}/bounces/{channel}": "no provider has said so",
    "messaging GET /call-tasks/{message_id}": "no call is due; of a mail it answers as of none",
    "messaging POST /call-tasks/{message_id}/claim": "the same",
    "messaging POST /call-tasks/{message_id}/outcome": "the same",
    "orders-ingest GET /dead/{dead_id}": "no delivery was refused: see test_routes.py of webhooks",
    "orders-ingest POST /dead/{dead_id}/resend": "the same",
    "orders-ingest GET /orders/{order_id}/journey": "nobody's visits were told",
    "orders-ingest POST /imports/{job_id}/mended": "wants a file of refused lines, mended",
    "orders-ingest POST /privacy-requests/{vendor}/{request_id}/done": "made by a signed delivery alone",
    "segmentation GET /customers/{customer}/churn": "fitted when a month begins",
    "segmentation GET /customers/{customer}/lifetime-value": "the same",
}
"""Doors at which the shop's own object is not found or not taken, and why. What others are answered is compared too."""
EMPTY = {
    "feedback GET /customers/{customer}/photos",
    "feedback GET /expectations/{sku}",
    "feedback GET /key-issues/{topic}/texts",
    "membership GET /members/{customer}/coupons",
    "membership GET /members/{customer}/gifts",
    "messaging GET /customers/{customer}/bounces",
    "messaging GET /customers/{customer}/campaigns",
    "messaging GET /customers/{customer}/inbox",
    "messaging GET /customers/{customer}/inbox/unread",
    "messaging GET /customers/{customer}/journeys",
    "messaging GET /customers/{customer}/replies",
    "messaging GET /segments/{segment}/uses",
    "segmentation GET /buyer-types/{buyer_type}/customers",
    "segmentation GET /report/cohorts/{month}/customers",
    "segmentation GET /report/life-cycle-flow/{month}/customers",
    "segmentation GET /report/rfm-flow/{month}/customers",
    "segmentation GET /segments/{kind}/{value}/customers",
}
"""Lists that are empty for the shop itself, or name nothing of a shop's."""

DRAWN = {
    "feedback DELETE /survey-forms/{form_id}": "the next version of the shop's forms",
    "feedback PUT /survey-forms/{form_id}": "the same",
    "membership POST /members/{customer}/referral-code": "a code",
    "membership PUT /activities/{activity_id}": "the seed of its draw",
    "messaging POST /campaigns/{campaign}/actions": "the next version of the shop's campaigns",
    "messaging POST /customers/{customer}/inbox/token": "a token",
    "messaging PUT /campaigns/{campaign}": "the next version of the shop's campaigns",
    "messaging PUT /flows/{flow}": "the next version of the shop's flows",
    "messaging PUT /templates/{template}": "the next version of the shop's templates",
    **{f"orders-ingest PUT /orders/{{order_id}}/{detail}": "an id made of the names" for detail in (
        "special-requests/{request_id}", "parcels/{parcel_id}", "returns/{return_id}", "exchanges/{exchange_id}",
        "reshipments/{reshipment_id}",
    )},
    "orders-ingest POST /orders/{order_id}/logistics": "the same",
    "orders-ingest PUT /refunds/{refund_id}": "the same",
}  # fmt: skip
"""Doors whose answers differ by what is drawn for each, or made of its name: these are compared by their kind alone."""
UNSHOWN = {
    "orders-ingest POST /webhooks/{vendor}": "the secret, by which a delivery's signature is checked",
    "orders-ingest PUT /customers/{customer}": "what is known, to tell whether anything is new",
    "orders-ingest PUT /customers/{customer}/consents": "the same",
}
"""Doors at which something sealed is opened and not shown, and what."""
SHOWN = {
    "feedback GET /tickets/{ticket_id}",
    "membership GET /communities/{community_id}/posts",
    "membership GET /members/{customer}/adjustments",
    "orders-ingest GET /customers/{customer}/personal",
    "orders-ingest GET /imports/{job_id}/refusals",
    "orders-ingest GET /orders/{order_id}/fulfilment",
}
"""Some at which the shop does read what was sealed: the test sees it."""


async def find_payout(call: Call, names: dict[str, str]) -> None:
    """Of the reward, once membership has read of it."""
    names["payout_id"] = (await call("membership", "GET", f"/payouts?customer={ANN}"))["items"][0]["payout_id"]
