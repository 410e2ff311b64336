"""The store on SQLite: one file, one writing thread, readers that never wait for it. Only this package knows `sqlite3`."""
