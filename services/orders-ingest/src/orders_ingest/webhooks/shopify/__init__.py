"""Webhooks of Shopify: orders, refunds, customers, and the three privacy topics."""
