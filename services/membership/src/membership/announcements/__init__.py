"""What was announced last of each member."""
