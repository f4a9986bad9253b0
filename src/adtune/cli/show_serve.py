"""What people see of `serve`, `keys`, `go-live`, `rollback` and `takedown`."""

from __future__ import annotations

from .desk import Answer
from .page import Page
from .show_tune import verdict


def new_key(answer: Answer, page: Page) -> None:
    page.line(answer["key"], style="bold")
    page.line("Shown once: only its sha256 is kept. Put it where the client's tools find it, such as OPENAI_API_KEY.", style="yellow")
    one_key(answer, page)
    if "old" in answer:
        page.line(f"The key {answer['old']} opens doors until {answer['old_until']}.")


def one_key(answer: Answer, page: Page) -> None:
    page.pairs({"id": answer["id"], "client": answer["client"], "may": ", ".join(answer["scopes"]), "for": answer["label"] or "-",
                "state": answer["state"], "expires": answer["expires"] or "never"})


def keys(answer: Answer, page: Page) -> None:
    rows = [(one["id"], one["client"], ", ".join(one["scopes"]), one["label"] or "", one["state"], one["expires"] or "never")
            for one in answer["keys"]]
    page.table(("Key", "Client", "May", "For", "State", "Expires"), rows)
    used = [(name, one["used_tokens"], "no limit" if one["monthly_tokens"] is None else one["monthly_tokens"], one["requests"])
            for name, one in answer["clients"].items()]
    page.table(("Client", "Tokens this month", "Limit", "Requests"), used)


def ended(answer: Answer, page: Page) -> None:
    page.line(f"Ended after {answer['requests']:,} requests.")


def went_live(answer: Answer, page: Page) -> None:
    if answer["gates"]:
        rows = [(name, verdict(gate["passed"]), gate.get("value"), gate.get("limit")) for name, gate in answer["gates"].items()]
        page.table(("Gate", "", "Value", "Limit"), rows)
    if not answer["passed"]:
        page.line(f"Nothing was changed: a gate says no. Live is {answer['live'] or 'nothing'}.", style="bold")
        return
    share = "" if answer["share"] == 1 else f" for {answer['share']:.0%} of the requests"
    page.line(f"{answer['version']} is live{share}.", style="bold")
    page.pairs({"client": answer["client"], "approved by": answer["by"], "evidence": answer["evidence"] or "-",
                "before": answer["previous"] or "nothing", "since": answer["moment"]})


def taken_down(answer: Answer, page: Page) -> None:
    if answer["erased"]:
        gone = answer["erased"]
        page.table(("Erased", "Rows"), [(name, count) for name, count in sorted(gone["rows"].items()) if count])
        page.pairs({"files": gone["files"], "bytes": gone["bytes"], "versions": len(answer["withdrawn"]),
                    "stretches of its texts looked for": gone["canaries"], "found in": ", ".join(gone["found"]) or "no file"})
        page.line(f"Certificate: {answer['certificate']['html']}")
        return
    rows = [(one["asset"][:12], one["title"] or "-", one["source"]["file"], one["source"]["line"] or "-") for one in answer["pieces"]]
    page.table(("Piece", "Title", "File", "Line"), rows)
    if answer["check"]:
        found = answer["check"]
        page.pairs({"version": found["version"], "drafts": found["drafts"], "runs of 8 words of the pieces alone": found["shared_runs"],
                    "longest shared run, words": found["longest_run_words"], "gone": verdict(found["passed"])})
    else:
        held = [(one["kind"], one["id"], one["split"]) for one in answer["held_by"]]
        page.table(("Held by", "Id", "Split"), held)
        page.pairs({"withdrawn for good": ", ".join(answer["withdrawn"]) or "nothing", "live before": answer["previous"] or "nothing",
                    "live now": answer["live"] or "nothing", "drafts in the log with their words": len(answer["logs"]),
                    "other pieces with their words": len(answer["alike"]),
                    "tuning without them": answer["retune"]["job"] if answer["retune"] else "not asked for"})
    page.line(f"Certificate: {answer['certificate']['html']}")
