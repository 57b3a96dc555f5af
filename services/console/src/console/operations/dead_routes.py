"""Where dead letters are asked for: the operator's routes or, where the console's key is of a shop, the shop's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from console.client import Answer, Ask, Services

OWN = "orders-ingest"
"""The service whose shops have a route of their own, for what they sent themselves."""


async def list_dead(services: Services, shop: str, names: Sequence[str], query: Mapping[str, Any]) -> list[Answer]:
    """Dead letters of the shop, of each of these services."""
    answers = await services.ask(*(Ask(name, "/ops/dead", {"shop": shop, **query}) for name in names))
    return [await _of_shop(services, shop, query) if _is_refused(each) else each for each in answers]


def path_of(shop: str, row: Mapping[str, Any]) -> str:
    """The path of one of them, by the route that it was listed by."""
    return f"/v1/shops/{shop}/dead/{row['dead_id']}" if "way" in row else f"/ops/dead/{row['dead_id']}"


def is_own(shop: str, topic: str) -> bool:
    """Whether what is taken again from there speaks for the shop alone, whatever it says."""
    return topic == f"intake.{shop}" or (topic.startswith("webhook.") and topic.endswith(f".{shop}"))


def _is_refused(answer: Answer) -> bool:
    return answer.service == OWN and answer.state == "refused"


async def _of_shop(services: Services, shop: str, query: Mapping[str, Any]) -> Answer:
    (answer,) = await services.ask(Ask(OWN, f"/v1/shops/{shop}/dead", query))
    return replace(answer, body=[_as_operators(shop, row) for row in answer.body]) if answer.ok else answer


def _as_operators(shop: str, row: Mapping[str, Any]) -> dict[str, Any]:
    topic = f"intake.{shop}" if row["way"] == "kafka" else f"webhook.{row['vendor']}.{shop}"
    return {**row, "shop": shop, "topic": topic}
