"""Every SQL statement of membership, one file for each matter."""
