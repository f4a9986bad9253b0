"""Archives: a client's files become Assets, and what cannot is rejected with its place and a reason."""

from .formats import READERS
from .reading import Reading, read_archive

__all__ = ["READERS", "Reading", "read_archive"]
