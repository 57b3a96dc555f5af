"""Every SQL statement of feedback, one file for each matter."""
