"""Segments that the shop defines, and who is in them."""
