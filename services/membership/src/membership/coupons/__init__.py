"""Offers and coupons: terms, codes, limits, uses on orders, and the best combination for a cart (MEM-054 to 086)."""
