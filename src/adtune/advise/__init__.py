"""Advice: what an archive and a short measured bake-off say about whether to fine-tune, and how.

`facts` holds what is known, `findings` the table of checks over it, `verdict` the choice, `estimate` the cost of a full run. Nothing
here trains or loads a model: `steps/advice.py` measures the arms and hands their losses over.
"""

from .estimate import Need, Room, Work, estimate, seconds
from .facts import ArchiveFacts, BaseFacts, Facts, archive_facts
from .findings import FINDINGS, findings
from .verdict import ArmResult, Judged, candidates, judge

__all__ = ["FINDINGS", "ArchiveFacts", "ArmResult", "BaseFacts", "Facts", "Judged", "Need", "Room", "Work", "archive_facts", "candidates",
           "estimate", "findings", "judge", "seconds"]
