"""Members who speak for the shop: ambassadors, and affiliates with their id (MEM-090, MEM-091)."""
