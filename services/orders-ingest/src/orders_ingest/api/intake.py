"""Whether a shop's own Kafka topic is read."""

from __future__ import annotations

from fastapi import Request

from common.bus.broker import TopicMismatch, ensure_topics
from common.events.fields import ShopName
from common.http.api import Body, Router, require, runtime_of
from common.refusals import Conflict
from orders_ingest.shops import store
from orders_ingest.shops.topics import topic_of

router = Router(prefix="/v1/shops/{shop}", tags=["imports"])


class IntakeIn(Body):
    enabled: bool


@router.put("/intake", dependencies=[require("programme:write")])
async def put_intake(shop: ShopName, body: IntakeIn, request: Request) -> IntakeIn:
    """Read the shop's own Kafka topic intake.<shop>, or no longer; takes effect within seconds.

    The topic is made where it is missing, so what is answered 200 can be written to.
    """
    runtime = runtime_of(request)
    topic = topic_of(shop)
    if body.enabled:
        try:
            await ensure_topics(runtime.settings.kafka_bootstrap_servers, [topic])
        except TopicMismatch as error:
            raise Conflict("topic_refused", f"{error}.") from None
    async with runtime.database.transaction() as tx:
        await store.put_intake(tx, shop, body.enabled, topic.name)
    return body
