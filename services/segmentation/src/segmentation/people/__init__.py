"""Who is one person with whom after merges, so that facts are read by person."""
