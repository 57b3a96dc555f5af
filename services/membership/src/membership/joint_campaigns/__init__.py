"""Campaigns with partner merchants: what is sent to whose customers, what is shared, what came of it (MEM-092)."""
