"""The layout of Online Retail: invoices, cancelled lines, refunds."""
