"""The learning curve as the Python API gives it, on a very small base: its figures, a stop, the report; and the base's loss on pieces."""

from __future__ import annotations

import json

import pytest
from made_base import make_base

from adtune.errors import Interrupted, SettingError
from adtune.settings import CurveSettings, resolve
from adtune.starter import sample_pieces
from adtune.steps import curve as module
from adtune.steps.archive import import_archive
from adtune.steps.base_loss import KeptLoss
from adtune.steps.curation import curate, load_dataset
from adtune.steps.curve import curate_with_curve, learning_curve
from adtune.tune.session import Decided

KEYS = {"points", "examples_needed", "examples_needed_interval", "gain_of_100", "gain_of_100_interval", "gain_of_100_share", "power",
        "rule_of_thumb", "distance", "base", "method", "steps", "draws", "worth", "reason"}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return str(make_base(tmp_path_factory.mktemp("base"), context=256))


@pytest.fixture
def client(ws, tmp_path, monkeypatch):
    """110 pieces of the sample client, each cut to its first 25 words."""
    monkeypatch.setattr("adtune.voice.general.WATCHED", 2)
    rows = [json.loads(line) for line in sample_pieces().read_text(encoding="utf-8").splitlines()[:110]]
    path = tmp_path / "sample.jsonl"
    path.write_text("".join(json.dumps({**row, "text": " ".join(row["text"].split()[:25]) + "."}) + "\n" for row in rows), encoding="utf-8")
    import_archive(ws, path, "sample")
    return "sample"


def test_a_stopped_curve_goes_on_and_its_report_shows_it(ws, client, base):
    asked, told, asked_to_stop = {"base": base, "steps": 8, "rate": 0.002, "draws": 1}, [], []

    def listen(label: str, done: float, total: float, note: str = "") -> None:
        told.append((label, note))
        if label == "learning curve" and done > 1.5:
            asked_to_stop.append(True)

    with pytest.raises(Interrupted, match="the runs that are done are kept"):
        curate_with_curve(ws, client, {}, asked, listen, lambda: bool(asked_to_stop))
    assert ws.newest("dataset", client) is None
    kept = sorted(path.parent.name for path in (ws.root / "measured").glob("curve-*/*/done.json"))
    assert len(kept) == 1 and any(label == "estimate" and "4 runs of 8 steps, about" in note for label, note in told)
    answer = curate_with_curve(ws, client, {}, asked)
    found = answer["curve"]
    assert set(found) == KEYS and json.dumps(answer, allow_nan=False)
    assert [one["pieces"] for one in found["points"]][0] == 12 and len(found["points"]) == 4
    assert found["gain_of_100"] >= 0 and found["distance"]["fertility"] > 1 and found["rule_of_thumb"] == [200, 500]
    assert not list((ws.root / "measured").glob("curve-*/*/checkpoints"))
    report = (ws.path(answer["dataset"]) / "report.html").read_text(encoding="utf-8")
    assert "What 100 more would bring" in report
    assert learning_curve(ws, load_dataset(ws, client)[1], asked, stop=lambda: True) == found     # nothing is measured twice
    plain = curate(ws, client)
    assert plain["curve"] is None and plain["hash"] == answer["hash"] and plain["dataset"] != answer["dataset"]


def test_few_pieces_are_looked_at_after_a_pass_through_them_and_not_first_at_an_eighth_of_the_run():
    assert module.early(640, 0.05, 5.0) == {32, 64} and module.early(640, 0.0, 5.0) == {5, 10, 20, 40}
    assert module.early(80, 0.05, 20.0) == set() and module.early(8, 0.05, 1.0) == set()


def test_a_run_on_few_pieces_is_looked_at_early(ws, client, base):
    """As many passes as a curve over a large archive makes through its smallest size: its peak lies before an eighth of the run."""
    curate(ws, client)
    asked = {"base": base, "steps": 400, "rate": 0.002, "draws": 1}
    bench = module._Curve(load_dataset(ws, client)[1], resolve(CurveSettings, ("option", asked))[0])
    bench.open(ws.root / "measured", lambda *_: None)
    bench.decided = Decided(False, 0.002)
    fit = bench._fit(bench.sizes[0], 0, None)
    fit.method.detach()
    assert min(fit.evaluate_at) <= 20 < 400 / module.EVALUATIONS and max(fit.evaluate_at) == 400


def test_too_few_pieces_give_a_reason_and_settings_are_checked(ws, client, base, monkeypatch):
    monkeypatch.setattr(module, "FEWEST_HELD_OUT", 1000)
    curate(ws, client)
    found = learning_curve(ws, load_dataset(ws, client)[1], {"base": base})
    assert found["examples_needed"] is None and "too few" in found["reason"] and found["points"] == []
    for wrong in ({"draws": 0}, {"worth": 1.0}, {"steps": 2}, {"method": "head"}):
        with pytest.raises(SettingError):
            learning_curve(ws, load_dataset(ws, client)[1], wrong)


def test_a_loss_is_measured_once_a_piece_and_falls_behind_the_piece_itself(base, tmp_path):
    pieces = [" ".join(json.loads(line)["text"].split()[:40]) for line in sample_pieces().read_text(encoding="utf-8").splitlines()[:5]]
    bars = []
    loss = KeptLoss(base, tmp_path, lambda label, done, total, note="": bars.append(label))
    alone, shown = loss(pieces, []), loss(pieces, pieces[:3])
    assert all(0 < value < 12 for value in alone + shown) and alone != shown and len(set(bars)) == 3
    again = KeptLoss(base, tmp_path, lambda label, done, total, note="": bars.append(f"again {label}"))
    assert again(pieces[::-1], []) == alone[::-1] and again([*pieces, "Something new is here."], pieces[:3])[:5] == shown
    assert bars.count("again the base reads pieces") == 0 and bars.count("again the base reads pieces behind gold ones") == 1
    long = " ".join(pieces * 20)
    assert len(again([long], [long, long, long])) == 1      # more than the context holds
