"""The buyer type of each customer, as segmentation announces it."""
