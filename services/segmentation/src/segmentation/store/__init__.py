"""Where is every SQL statement of segmentation? One file per question asked of the database."""
