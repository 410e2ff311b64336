"""The only way out of a sandbox: a proxy of ours, for granted hosts."""
