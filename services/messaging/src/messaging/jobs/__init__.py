"""What messaging does when time passes: decide what is due, send what was decided."""
