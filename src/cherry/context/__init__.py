"""What the model gets to see: system prompt, project map, history within a budget."""
