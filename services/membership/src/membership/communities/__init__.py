"""Groups of customers on social platforms: who may be in one, who is, what is said (MEM-040, 094 to 100, 106, 108)."""
