"""The tool protocol: what a tool is, what a call and a result look like, and their published schemas."""
