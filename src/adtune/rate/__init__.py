"""Rate: what people say of drafts. Logged edits become minutes, blind ratings become rates with their agreement."""
