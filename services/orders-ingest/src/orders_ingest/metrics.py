"""The metrics of orders-ingest alone."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

SHOP_SILENT = Gauge("shop_silent", "1 for a shop that told nothing for an hour in which it usually does", ["shop"])
SHOP_REFUSED = Gauge(
    "shop_refused_share", "Share of what a shop sent in this hour and the last that was refused", ["shop"]
)
ERASURES_OPEN = Gauge("erasures_open", "Identifiers being erased that not every service has confirmed yet")
ERASURES_OLDEST = Gauge("erasures_oldest_open_seconds", "Since the oldest of them was asked for; 0 without one")
CUSTOMERS_FORGOTTEN = Counter("customers_forgotten_total", "Identifiers erased since their shop keeps them no longer")
IMPORTS_NO_ROOM = Counter("imports_no_room_total", "Times at which a file was not read since the disk was full")
ORDER_LIST_PAGES = Counter(
    "order_list_pages_total",
    "Pages asked for of shops' own lists of orders: taken, to be asked for later, refused for good",
    ["vendor", "outcome"],
)
SHARED_ROWS = Counter(
    "shared_rows_total", "Rows of orders or customers under pseudonyms in files for partners (SEC-007)", ["what"]
)
