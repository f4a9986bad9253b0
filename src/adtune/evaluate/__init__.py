"""Evaluate: three arms measured on pieces that training never saw, the gates, and the report."""

from .arms import ARMS, BASE, PROMPTED, TUNED, Arm, Material
from .context import PUBLISHED, ReportContext
from .gates import GATES, all_passed, judge
from .groups import Grouped
from .kept import ProbeAnswers, ScalePoint
from .measure import measure
from .report import evaluate_report

__all__ = ["ARMS", "BASE", "GATES", "PROMPTED", "PUBLISHED", "TUNED", "Arm", "Grouped", "Material", "ProbeAnswers", "ReportContext",
           "ScalePoint", "all_passed", "evaluate_report", "judge", "measure"]
