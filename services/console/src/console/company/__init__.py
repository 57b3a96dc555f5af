"""The company: its stage, its industry, and the tables of reference."""
