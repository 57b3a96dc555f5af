"""What segmentation does when time passes, and how it verifies what it keeps."""
