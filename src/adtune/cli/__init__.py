"""The command line: translate words into calls of steps, and answers into tables or JSON."""
