"""Staffing: when customers write, and who is on duty then."""
