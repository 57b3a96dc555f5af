"""What customers say, and what is done about it: tickets, claims of rewards, survey results."""
