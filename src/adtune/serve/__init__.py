"""Serving without HTTP: keys, limits, the registry of versions, the ladder, and who gets a row of the token engine when (floor 3)."""
