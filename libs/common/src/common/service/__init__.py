"""What five main.py would repeat: commands, parts started and stopped together, the wait for the database."""
