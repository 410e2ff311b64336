"""The loop: from a request to its answer, within limits, resumable from the log."""
