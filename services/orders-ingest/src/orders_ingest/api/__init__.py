"""What a shop may ask and send over HTTP."""
