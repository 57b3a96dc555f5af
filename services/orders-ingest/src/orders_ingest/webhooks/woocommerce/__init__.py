"""Webhooks of WooCommerce: orders with their refunds, and customers."""
