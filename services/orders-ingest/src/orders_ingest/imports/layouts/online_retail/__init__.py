"""The layout of Online Retail: invoices become orders, cancelled lines become refunds."""

from orders_ingest.imports.layouts.layout import Layout
from orders_ingest.imports.layouts.online_retail.reading import read_online_retail

LAYOUT = Layout("online_retail", read_online_retail, mendable=False, currency="GBP", zone="Europe/London")
