"""Ids, clock, paths, deadlines and text helpers: standard library only, knows nothing of Cherry."""
