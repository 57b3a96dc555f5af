"""What the services say of a period, asked part by part; a part that is not there is asked for again later.

Parts are asked one after another: a report may take a minute and must not delay what people and orders wait for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from common.values.paths import part
from console.client import Answer, Ask
from console.reports.figures import PARTS, values_of
from console.reports.periods import Period, before

MOST = 20
"""Campaigns and goals of a report; a shop has fewer in a year."""
Document = dict[str, Any]
Asking = Callable[..., Awaitable[list[Answer]]]
LONG = ("quarter", "year")


class Missing(Exception):
    """A service did not say it; `service` is asked again later."""

    def __init__(self, service: str) -> None:
        super().__init__(service)
        self.service = service


class Gathering:
    """Asks for one shop's report. `ask` is given questions and answers them in their order."""

    def __init__(self, shop: str, period: Period, ask: Asking, industry: Mapping[str, str] | None = None) -> None:
        """`industry`: against whose ladder the shop is held, as a query takes it."""
        self._base, self._period, self._ask = f"/v1/shops/{part(shop)}", period, ask
        self._industry = dict(industry or {})

    async def complete(self, known: Document | None) -> Document:
        """The document with the parts that were missing, as far as their services answer now.

        `missing` holds the services of those that are missing still, by part.
        """
        document: Document = dict(known or {"figures": {}})
        missing: dict[str, str] = {}
        for name in (*PARTS, *self._lists()):
            if known is not None and name not in known["missing"]:
                continue
            try:
                document |= await self._part(name, document)
            except Missing as error:
                missing[name] = error.service
        document["missing"] = missing
        return document

    def _lists(self) -> list[str]:
        return [
            *(["anomalies"] if self._period.kind == "week" else []),
            *("tiers", "goals", "campaigns", "offers", "programme", "messages", "owed"),
            *(["ladder"] if self._period.kind in LONG else []),
        ]

    async def _part(self, part: str, document: Document) -> Document:
        if part in PARTS:
            now, was = [await self._kpi(part, each) for each in (self._period, before(self._period))]
            figures = document["figures"] | values_of(part, now, was)
            return {"figures": figures, "currency": now["currency"]}
        found: Document = await getattr(self, f"_{part}")()
        return found

    async def _get(self, service: str, path: str, **params: str) -> Any:
        (answer,) = await self._ask(Ask(service, f"{self._base}{path}", params))
        if not answer.ok:
            raise Missing(service)
        return answer.body

    async def _kpi(self, name: str, period: Period) -> Mapping[str, Any]:
        since, until = period.since.isoformat(), period.until.isoformat()
        found: Mapping[str, Any] = await self._get("segmentation", f"/kpis/{name}", since=since, until=until)
        return found

    async def _anomalies(self) -> Document:
        """Of the last whole week alone: of an older one segmentation does not say them any more."""
        said = await self._get("segmentation", "/kpis/anomalies")
        fits = said["week"] == self._period.since.isoformat()
        return {"anomalies": said["anomalies"] if fits else None, "weeks": said["weeks"] if fits else 0}

    async def _tiers(self) -> Document:
        return {"tiers": (await self._kpi("tiers", self._period))["tiers"]}

    async def _ladder(self) -> Document:
        said = await self._get("segmentation", "/kpis/ladder", **self._industry)
        return {"ladder": said["steps"], "industry": said["industry"]}

    async def _goals(self) -> Document:
        """Goals whose time overlaps the period, as they stand."""
        listed = (await self._get("segmentation", "/goals", archived="true"))["goals"]
        since, until = self._period.since.isoformat(), self._period.until.isoformat()
        mine = [g for g in listed if g["since"] < until and g["until"] > since][:MOST]
        return {"goals": [await self._get("segmentation", f"/goals/{part(g['goal'])}") for g in mine]}

    async def _campaigns(self) -> Document:
        """Campaigns that ran, each with what it brought over its hold-out (ANA-032, ANA-050)."""
        listed = (await self._get("messaging", "/campaigns"))["campaigns"]
        first, last = (self._period.since - timedelta(days=92)).isoformat(), self._period.until.isoformat()
        ran = [c for c in listed if c["state"] != "draft" and (not c["starts_at"] or first <= c["starts_at"] < last)]
        found = []
        for each in ran[:MOST]:
            lift = await self._get("messaging", f"/campaigns/{part(each['campaign'])}/lift")
            found.append({"campaign": each["campaign"], "title": each["title"], "state": each["state"]} | _lift(lift))
        return {"campaigns": found}

    async def _offers(self) -> Document:
        """Offers that held, with the days on which each did."""
        days = str(self._period.days)
        said = await self._get("membership", "/offers/calendar", first=self._period.since.isoformat(), days=days)
        counts: dict[str, int] = {}
        for day in said["days"]:
            for offer in day["offers"]:
                counts[offer] = counts.get(offer, 0) + 1
        return {"offers": sorted(counts.items())}

    async def _programme(self) -> Document:
        """Versions of the programme that came into force (ANA-050)."""
        versions = (await self._get("membership", "/programme/versions"))["versions"]
        since, until = self._period.since.isoformat(), self._period.until.isoformat()
        mine = [v for v in versions if v["status"] != "withdrawn" and since <= v["valid_from"][:10] < until]
        return {"programme": [[v["version"], v["valid_from"][:10]] for v in mine[:MOST]]}

    async def _messages(self) -> Document:
        """What messages of as many days led to, up to the moment of asking."""
        said = await self._get("messaging", "/templates/effects", days=str(min(self._period.days, 400)))
        return {"messages": said["kinds"]}

    async def _owed(self) -> Document:
        """Points owed at the moment of asking."""
        said = await self._get("membership", "/report")
        return {"owed": {"points": said["liability"], "worth": said["worth"], "members": said["members"]}}


def _lift(said: Mapping[str, Any]) -> Document:
    kept = ("difference", "low", "high", "certain", "extra_orders", "cost", "currency", "cost_per_extra_order")
    arms = {each["arm"]: each["customers"] for each in said["arms"]}
    return {name: said[name] for name in kept} | {"customers": sum(arms.values())}
