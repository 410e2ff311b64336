"""Runs turns durably: lease, heartbeat, recovery."""
