"""Groups of customers on social platforms: who may be in one, who is (MEM-040, MEM-094 to 097, 106)."""
