"""Tags of customers that people gave or took away, with source and date (SEG-044)."""
