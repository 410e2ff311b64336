"""Works out what a change set will do, in memory, and how it is shown. Writes nothing."""
