"""The doors for campaign rows: the contract's keys, what people see, and errors in four parts."""

from __future__ import annotations

import csv
from datetime import date, timedelta

import pytest


@pytest.fixture
def few(tmp_path):
    path = tmp_path / "rows.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["date", "channel", "campaign", "clicks", "conversions"])
        writer.writerows([date(2024, 1, 1) + timedelta(n), ("Instagram", "Google Search")[n % 2], "one", 100, 3 + n % 4] for n in range(40))
    return path


def test_few_rows_are_predicted_untuned_refused_to_tune_and_advised_to_be_more(adtune, few, tmp_path):
    assert adtune("import", str(few), "--client", "acme", "--as", "campaigns", "--json").object["kept"] == 40
    refused = adtune("tune", "acme", "--json")  # campaigns alone mean response
    assert refused.code == 1 and "usable rows" in refused.object["error"]["found"] and refused.object["error"]["do"]
    advice = adtune("advise", "acme", "--task", "response", "--json")
    assert advice.code == 2 and advice.object["verdict"] == "collect"
    assert {"verdict", "reason", "findings", "candidates", "examples_needed", "estimate"} <= advice.object.keys()
    shown = adtune("predict", "acme", str(few), "--outcome", "conversions", "--out", str(tmp_path / "rates.csv"))
    assert shown.code == 0 and "Instagram" not in shown.err and "Supported" in shown.out and "tune acme --task response" in shown.out
    found = adtune("predict", "acme", str(few), "--outcome", "conversions", "--json").object
    assert {"exposure", "rows"} <= found.keys() and len(found["rows"]) == 40
    assert all({"row", "rate", "interval", "supported"} <= one.keys() for one in found["rows"])
    assert len((tmp_path / "rates.csv").read_text().splitlines()) == 41


def test_wrong_words_get_one_clear_error(adtune, few):
    adtune("import", str(few), "--client", "acme", "--as", "campaigns")
    for line, word in ((["predict", "acme", "nothing.csv"], "nothing.csv"), (["predict", "acme", str(few), "--outcome", "sales"], "sales"),
                       (["evaluate", "acme"], "response"), (["pretrain", "response", "--set", "widht=8"], "widht")):
        said = adtune(*line, "--json")
        assert said.code == 1 and word in str(said.object["error"])
