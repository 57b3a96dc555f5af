"""Files of history: upload, progress, refused lines."""
