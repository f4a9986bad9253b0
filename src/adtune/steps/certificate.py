"""The certificate of a takedown: one HTML page that can be sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..records import canonical_json

if TYPE_CHECKING:
    from ..workspace import Workspace


def certified(ws: Workspace, client: str | None, answer: dict[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """Publish the certificate of a takedown's answer, as JSON and as a page, and give the answer with its paths."""
    files = {"certificate.json": canonical_json(answer).encode(), "certificate.html": certificate_page(answer).encode()}
    id = ws.publish("certificate", client, files, record)
    folder = ws.path(id, verify=False)
    return {**answer, "certificate": {"id": id, "html": str(folder / "certificate.html"), "json": str(folder / "certificate.json")}}


def certificate_page(answer: Mapping[str, Any]) -> str:
    """The page of a takedown's answer."""
    from ..report.page import Page

    if answer["erased"]:
        return _erasure(answer)
    page = Page("Certificate of takedown", f"{answer['client']}, {datetime.now(UTC).date().isoformat()}")
    rows = [(one["title"] or "-", one["asset"][:12], one["source"]["file"], one["source"]["line"] or "-") for one in answer["pieces"]]
    page.section("The pieces", page.table(("Title", "Piece", "File", "Line"), rows))
    if answer["by"]:
        said = [f"Taken down by {answer['by']}" + (f": {answer['reason']}" if answer["reason"] else ".")]
        live = answer["live"] or "nothing"
        said.append(f"Live before: {answer['previous'] or 'nothing'}; live now: {live}. Withdrawn for good: "
                    f"{', '.join(answer['withdrawn']) or 'nothing, because nothing had learned from the pieces'}.")
        page.section("What was done", *(page.paragraph(line) for line in said))
        held = [(one["kind"], one["id"], one["split"], one["created"][:10]) for one in answer["held_by"]]
        page.section("What held the pieces", page.table(("Kind", "Id", "Split", "Made"), held),
                     page.paragraph("A version learned from a piece where the split is train. Datasets and reports are kept as evidence; "
                                    "no version is made from them again."))
        ids = f": {', '.join(answer['logs'][:50])}" if answer["logs"] else ""
        page.section("Served before", page.paragraph(f"{len(answer['logs'])} drafts of the log share eight words in a row with them{ids}."))
        alike = [(one["title"] or "-", one["asset"][:12], f"{one['share']:.0%}") for one in answer["alike"]]
        page.section("Other pieces with the same words", page.table(("Title", "Piece", "Share of the words"), alike))
    if answer["retune"]:
        page.section("Tuning without them", page.paragraph(f"Dataset {answer['retune']['dataset']}, job {answer['retune']['job']}."))
    if answer["check"]:
        found = answer["check"]
        row = (found["version"], found["drafts"], found["shared_runs"], found["longest_run_words"], found["passed"])
        heads = ("Version", "Drafts", "Runs of 8 words of the pieces alone", "Longest shared run, words", "Gone")
        page.section("Measured", page.table(heads, [row]),
                     page.paragraph("Drafts for the pieces' own briefs: a measurement, not a proof that no draft can ever quote."))
    return page.render()


def _erasure(answer: Mapping[str, Any]) -> str:
    """The page of a client's erasure: what there was, without a word of it."""
    from ..report.page import Page

    gone = answer["erased"]
    page = Page("Certificate of erasure", f"{answer['client']}, {datetime.now(UTC).date().isoformat()}")
    page.section("What was done", page.paragraph(f"Erased by {answer['by']}" + (f": {answer['reason']}" if answer["reason"] else ".")),
                 page.paragraph(f"{gone['files']} files with {gone['bytes']:,} bytes, and {sum(gone['rows'].values()):,} rows of the "
                                f"database, which was written anew. Live before: {answer['previous'] or 'nothing'}."))
    page.section("Rows", page.table(("Table", "Rows"), [(name, count) for name, count in sorted(gone["rows"].items()) if count]))
    page.section("Artifacts", page.table(("Kind", "Number"), sorted(gone["artifacts"].items())))
    versions = ", ".join(answer["withdrawn"]) or "none"
    page.section("Versions", page.paragraph(f"Versions that are gone: {versions}."),
                 page.paragraph(f"Names at another engine, to be unloaded there: {', '.join(gone['published']) or 'none'}."))
    where = ", ".join(f"{name} ({count})" for name, count in gone["found"].items()) or "in no file"
    page.section("Looked for", page.paragraph(f"{gone['canaries']} stretches of the client's texts, in {gone['searched_bytes']:,} bytes of "
                                              f"the workspace: found {where}."),
                 page.paragraph("Backups and exports lie outside the workspace, and so does what a file system keeps of deleted files."))
    return page.render()
