"""API shapes: how a prompt becomes a request body and how a stream becomes an answer."""
