"""The metrics that feedback publishes beside those of every service."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

PHOTOS_TO_REMOVE = Gauge("photos_to_remove", "Photos of erased customers whose bytes the store still holds")
VIP_DISPUTES = Gauge(
    "vip_disputes_of_limit",
    "Complaints of customers with the green channel, of their orders, as a part of the shop's limit; above 1: too many",
    ["shop"],
)
CLAIM_PHOTOS_SEEN = Counter(
    "claim_photos_seen_total", "Claims that wait for a person since one of their photos came with another ticket before"
)
AWAY_ANSWERS = Counter("away_answers_total", "Customers who were answered by itself, out of the shop's service hours")
