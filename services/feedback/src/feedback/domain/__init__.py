"""What feedback knows of surveys and reviews: values and pure functions."""
