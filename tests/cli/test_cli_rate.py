"""`adtune rate` as a person meets it: a log of edits, sheets for raters, keys, and as JSON."""

import io
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "steps"))
from made_report import publish_report  # noqa: E402 - lies beside the tests of the steps

from adtune.cli.page import Page  # noqa: E402
from adtune.cli.show_rate import payback  # noqa: E402
from adtune.starter.edits import write_edits  # noqa: E402
from adtune.steps import rating_sheet  # noqa: E402
from adtune.steps.payback import Spend, economics  # noqa: E402
from adtune.workspace import Workspace  # noqa: E402


@pytest.fixture
def acme(adtune, tmp_path, monkeypatch):
    monkeypatch.setattr(rating_sheet, "_scores", lambda ws, adapter, texts: [None for text in texts])
    with Workspace.open(tmp_path / "ws") as ws:
        publish_report(ws)
    return adtune


def test_a_log_is_told_in_minutes_with_what_was_rejected(acme, tmp_path):
    path = write_edits(tmp_path / "log.csv", 20)
    with path.open("a", encoding="utf-8", newline="") as stream:
        stream.write("Brief,tuned,A draft of a text.,A text of it.,900,Ann,1,0,2025-03-03\r\n")
    said = acme("rate", "acme", "--edits", "log.csv", "--other-minutes", "61.4")
    assert said.code == 0, said.err
    for told in ("41 edits read: 40 kept, 1 rejected; 40 new", "more than a working day", "Minutes a piece", "minutes saved a piece", "+3",
                 "Next: adtune evaluate acme"):
        assert told in said.out, told
    found = acme("rate", "acme", "--edits", "log.csv", "--json")
    assert set(found.object) == {"client", "edits", "minutes", "sheet", "taken", "ratings", "notes"} and found.object["edits"]["added"] == 0
    assert found.object["minutes"]["calibrated"] and found.object["minutes"]["throughput_change"] is None


def test_sheets_are_written_and_the_next_step_is_to_take_them_in(acme, tmp_path):
    said = acme("rate", "acme", "--raters", "Ann, Bo", "--set", "briefs=4")
    assert said.code == 0 and "14 drafts to 4 briefs" in said.out and "rate acme --in acme-rating-Bo.xlsx" in said.out
    again = acme("rate", "acme", "--raters", "Ann")
    assert again.code == 1 and "there already" in again.err
    wrong = acme("rate", "acme", "--in", "acme-rating-Ann.xlsx", "--json")
    assert wrong.code == 1 and "no rating among" in wrong.object["error"]["found"]


def test_drafts_are_judged_in_the_terminal_and_an_answer_is_taken_back(acme, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("what\ny\nundo\nn\ns\ny\nq\n"))
    said = acme("rate", "acme", "--terminal", "--by", "Ann")
    assert said.code == 0 and "--- 1 of 41 ---" in said.out and "2 drafts judged under the name Ann" in said.out
    for told in ("Answer with one of: y, n, s, u, q.", "Taken back: Brief", "> no", "One rater", "On-brand rate, by raters"):
        assert told in said.out, told
    assert "published" not in said.out and "\x1b" not in said.out
    results = acme("rate", "acme", "--results", "--json").object["ratings"]
    assert results["rated"] == 2 and results["raters"][0]["rater"] == "Ann"


def test_a_payback_is_told_by_provider_with_its_interval_and_what_is_missing(acme, tmp_path, capsys):
    write_edits(tmp_path / "log.csv", 20)
    acme("rate", "acme", "--edits", "log.csv")
    with Workspace.open(tmp_path / "ws") as ws:
        found = economics(ws, "acme", {"hourly_rate": 90.0, "other_minutes": 61.4}, 45.0, Spend(380, 600.0, 1e6))
        without = economics(ws, "acme", {}, None, Spend(380))
    payback({"payback": found.payback}, Page())
    told = capsys.readouterr().out
    for word in ("minutes a piece, prompted and tuned", "this machine", "rented GPU", "Months to payback", "2026-11-26", "hours,"):
        assert word in told, told
    payback({"payback": without.payback}, Page())
    told = capsys.readouterr().out
    assert "missing: pieces a month (--volume); what an hour costs" in told and "Provider" not in told
    payback({"payback": None}, Page())
    assert capsys.readouterr().out == ""


def test_what_does_not_go_together_is_refused(acme):
    for line in (["--terminal", "--json"], ["--terminal", "--edits", "x.csv"], ["--results", "--out", "x.csv"], ["--edits", "none.csv"],
                 ["--map", "draft"], ["--set", "brief=3"]):
        said = acme("rate", "acme", *line)
        assert said.code == 1 and ("error" in said.out or "Error:" in said.err), line
