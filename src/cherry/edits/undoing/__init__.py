"""Works out how to take change sets back, or do them again, from what is there now. Writes nothing."""
