"""Drawing events for a person: kinds of things, never names of tools."""
