"""Small wrappers around one model call: retries, prices, recordings. Deadlines are kept by the transport, where the waiting is."""
