"""The event log, blobs and leases: ports, and their memory and SQLite adapters."""
