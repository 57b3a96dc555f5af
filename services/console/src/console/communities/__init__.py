"""Communities: groups on channels elsewhere, who may be in them and who is."""
