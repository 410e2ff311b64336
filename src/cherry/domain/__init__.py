"""Frozen values every floor speaks in: messages, calls, events, sessions, usage, errors."""
