"""What single fields hold: addresses, currencies, texts that can be stored, and the words for wrong ones."""
