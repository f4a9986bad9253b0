"""What logged edits say, on a made log whose truth is known: 45 minutes a prompted draft, 18 a tuned one.

    python examples/logged_edits.py FOLDER [MINUTES]

FOLDER gets the log `edits.csv`, to be given to `adtune rate --edits`, and a workspace of its own. MINUTES are those that a piece takes
beside editing (61.4). The last lines are what adtune finds, beside the truth.
"""

import sys
from pathlib import Path

from adtune.starter.edits import TRUTH, write_edits
from adtune.steps import rate
from adtune.steps.rating import Asked
from adtune.workspace import Workspace

CLIENT = "quillmere"


def main(folder: Path, other_minutes: float = 61.4) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    log = write_edits(folder / "edits.csv")
    with Workspace.open(folder / "workspace") as workspace:
        workspace.ensure_client(CLIENT)
        answer = rate(workspace, CLIENT, Asked(edits=log, other_minutes=other_minutes))
    found, minutes = answer["edits"], answer["minutes"]
    print(f"{log}: {found['read']} edits read, {found['kept']} kept, {found['rejected']} rejected")
    for arm, truth in TRUTH.items():
        row = minutes["arms"][arm]
        low, high = row["interval"]
        print(f"{arm:10} {row['minutes']:5.1f} minutes a piece ({low:.1f} to {high:.1f}); the truth is {truth:g}")
    change, ends = minutes["throughput_change"], minutes["throughput_change_interval"]
    truth = (other_minutes + TRUTH["prompted"]) / (other_minutes + TRUTH["tuned"]) - 1
    print(f"{'throughput':10} {change:+.1%} ({ends[0]:+.1%} to {ends[1]:+.1%}); the truth is {truth:+.1%}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "logged-edits"), *map(float, sys.argv[2:3]))
