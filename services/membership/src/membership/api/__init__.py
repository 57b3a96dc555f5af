"""Routes over HTTP, a file for each matter."""
