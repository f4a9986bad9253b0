"""An evaluated adapter that nobody trained: its report holds drafts whose arm can be told from their words."""

import json

ARMS = ("base", "prompted", "tuned")


def publish_report(ws, client="acme", briefs=12, dataset=None):
    """(adapter, report) of a client, created where new; draft N of an arm is `ARM writes N.`"""
    ws.ensure_client(client)
    adapter = ws.publish("adapter", client, {"adapter.json": b"{}"}, {"dataset": dataset, "method": "lora"})
    drafts = {"briefs": [f"Brief {n}" for n in range(briefs)], "published": [f"The client wrote {n}." for n in range(briefs)],
              **{arm: [f"{arm} writes {n}." for n in range(briefs)] for arm in ARMS}}
    report = ws.publish("report", client, {"drafts.json": json.dumps(drafts).encode(), "report.html": b"<p>"},
                        {"adapter": adapter, "gates": {}, "passed": True}, [adapter])
    return adapter, report
