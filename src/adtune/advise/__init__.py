"""Advice: what an archive and a short measured bake-off say about whether to fine-tune, and how.

`facts` holds what is known, `findings` the table of checks over it, `verdict` the choice, `estimate` the cost of a full run. Nothing
here trains or loads a model: `steps/advice.py` measures the arms and hands their losses over.
"""

from .arms import ArmResult, DraftedArm, candidates
from .estimate import Need, Room, Work, estimate, seconds
from .facts import ArchiveFacts, BaseFacts, Facts, Reason, archive_facts
from .findings import FINDINGS, findings
from .rules import learn_rules, measure_rules
from .verdict import Judged, is_winner, judge, judge_archive, judge_opponent, judge_payback, needed_gain, open_question, survivors

__all__ = ["FINDINGS", "ArchiveFacts", "ArmResult", "BaseFacts", "DraftedArm", "Facts", "Judged", "Need", "Reason", "Room", "Work",
           "archive_facts", "candidates", "estimate", "findings", "is_winner", "judge", "judge_archive", "judge_opponent", "judge_payback",
           "learn_rules",
           "measure_rules", "needed_gain", "open_question", "seconds", "survivors"]
