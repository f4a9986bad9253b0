"""Curation: an archive becomes a dataset, and every piece left out says why."""

from .checks import CHECKS
from .dataset import REASONS, Curated, Dropped, Given, Shown, curate
from .guide import fit_guide
from .report import curate_report

__all__ = ["CHECKS", "REASONS", "Curated", "Dropped", "Given", "Shown", "curate", "curate_report", "fit_guide"]
