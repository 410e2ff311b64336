"""Every model call: wire shapes, providers, and the layers around them."""
