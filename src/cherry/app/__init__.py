"""Use cases: sessions, turns, approvals, undo."""
