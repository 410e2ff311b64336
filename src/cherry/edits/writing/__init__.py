"""Carries a change set out, all of it or nothing, and recovers what a kill left."""
