"""Members of the shop, as membership announces them: the other base of the repurchase rate (C-2)."""
