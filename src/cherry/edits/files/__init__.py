"""Files as they are: open folders, what stands at a path, contents in memory or as pieces, what the system answers."""
