"""Every SQL statement of messaging, one file for each thing that is kept."""
