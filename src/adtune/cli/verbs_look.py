"""The verbs that only look: `show`, `ls`, `doctor`."""

from __future__ import annotations

from types import SimpleNamespace

from . import show_look
from .border import OK, REFUSED
from .desk import Answer, Desk, Job
from .words import Verb, argument, option


def _show(said: SimpleNamespace) -> Job:
    def run(desk: Desk) -> Answer:
        from ..steps.catalogue import show

        return show(desk.workspace, said.id)

    return Job("show", run, show_look.shown, show_look.after_show)


def _ls(said: SimpleNamespace) -> Job:
    def run(desk: Desk) -> Answer:
        from ..steps.catalogue import ls

        return ls(desk.workspace, said.kind, said.client)

    return Job("ls", run, show_look.listed, lambda answer: "show ID" if answer["items"] else "import FILE --client CLIENT")


def _doctor(said: SimpleNamespace) -> Job:
    def run(desk: Desk) -> Answer:
        from ..steps.health import doctor

        return doctor(desk.root, desk.progress)

    return Job("doctor", run, show_look.diagnosed, lambda answer: "ls" if _healthy(answer) else None,
               lambda answer: OK if _healthy(answer) else REFUSED)


def _healthy(answer: Answer) -> bool:
    return all(check["status"] != "stop" for check in answer["checks"])


SHOW = Verb("show", "Show anything by its id, with its lineage.", _show,
            (argument("id", "ID", "A client, the id (or its beginning) of a dataset, run, adapter, report, draft or piece, "
                                  "or CLIENT/ID with a piece's own id."),),
            ("adtune show acme", "adtune show adapter-1a2b --json", "adtune show acme/post-17"),
            ("A piece is shown with its history and with the datasets and adapters that hold it.",))
LS = Verb("ls", "List what the workspace holds.", _ls,
          (option("--kind", str, "KIND", "Only this kind: client, dataset, run, plan, adapter, report, comparison."),
           option("--client", str, "CLIENT", "Only this client.")),
          ("adtune ls", "adtune ls --kind adapter --client acme"))
DOCTOR = Verb("doctor", "Check this machine and the workspace.", _doctor, (), ("adtune doctor",),
              ("Looks offline only: no hub, no network. Exit code 2 where something must be put right first.",))
