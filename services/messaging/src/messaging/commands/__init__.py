"""What people order: opting out and in, lifting a bounce."""
