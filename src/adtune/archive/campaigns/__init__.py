"""Campaign files: what platforms, shops and agencies export becomes rows of days, channels and ads."""

from .currencies import one_currency, read_rates
from .reading import CampaignReading, files_of, read_campaigns

__all__ = ["CampaignReading", "files_of", "one_currency", "read_campaigns", "read_rates"]
