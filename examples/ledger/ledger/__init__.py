"""Reports where the money went."""
