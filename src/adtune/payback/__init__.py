"""Payback: minutes saved against what curation, tuning, iteration and serving cost, by provider."""
