"""The eight buyer types (SEG-074 to 091): scores with evidence, and what to do for each; never shown to customers."""
