"""segmentation: who a customer is to the shop now, and since when."""
