"""What customers say: reviews and complaints, counted (SEG-058, SEG-069, ANA-022)."""
