"""What is in this package? Segmentation: who a customer is to the shop now, and since when."""
