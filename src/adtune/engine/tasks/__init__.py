"""Tasks: how examples become batches, a loss and a score. One file a task; drafting is the first."""
