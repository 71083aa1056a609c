"""What is configured, what it amounts to, and what cannot be: settings, their decoders, and the checks across them."""
