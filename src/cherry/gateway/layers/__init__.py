"""Small wrappers around one model call: deadlines, retries, budget, recording."""
