"""Archives: a client's files become Assets, and what cannot is rejected with its place and a reason."""

from .corrections import Correction
from .formats import READERS
from .pieces import now, with_language
from .reading import Reading, Stream, read_archive

__all__ = ["READERS", "Correction", "Reading", "Stream", "now", "read_archive", "with_language"]
