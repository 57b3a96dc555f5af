"""What people and programs order: each command is one transaction."""
