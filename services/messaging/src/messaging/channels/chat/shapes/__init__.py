"""The forms in which robots take a text, one file each: a new one is a file and a line in the registry."""
