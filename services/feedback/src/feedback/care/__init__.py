"""What customers say that calls for a ticket by itself."""
