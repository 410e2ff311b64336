"""Keys at rest: in the system's keyring where there is one, else sealed in a file whose key lies elsewhere."""
