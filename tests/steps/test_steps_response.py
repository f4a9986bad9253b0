"""Campaign rows from import to prediction: tune, evaluate, advise, predict, and what is refused."""

from __future__ import annotations

import csv
import json
import random
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch

from adtune import Workspace
from adtune.archive.campaigns.days import decided_by, spans
from adtune.engine.response.base import load_response
from adtune.engine.response.columns import columns_of, join, left_out
from adtune.engine.response.encode import Codebook, encode, make_codebook, unsupported, words_of_field
from adtune.engine.response.model import ResponseNet, Shape
from adtune.errors import InputError, SettingError
from adtune.steps.campaigns import import_campaigns
from adtune.steps.predicting import predict
from adtune.steps.response import columns_from, load_columns, only_campaigns, tune_response
from adtune.steps.response_advice import advise_response
from adtune.steps.response_evaluation import evaluate_response
from adtune.tune import response as tuning
from adtune.tune import response_split as splitting
from adtune.tune.response_gate import BLENDS

RATES = {"Instagram": 0.06, "Google Search": 0.02, "TikTok": 0.01}
HEAD = ["date", "channel", "campaign", "product", "price", "clicks", "conversions"]


def rows(days, per_day=2, seed=1, rate=1.0):
    chance = random.Random(seed)
    made = []
    for n in range(days * per_day):
        channel = chance.choice(list(RATES))
        clicks = chance.randint(80, 300)
        lift = 1.5 if n % 3 else 1.0
        bought = sum(chance.random() < rate * RATES[channel] * lift for _ in range(clicks))
        made.append([date(2024, 1, 1) + timedelta(n // per_day), channel, f"{channel} {n % 3}", ("Dresses", "Coats")[n % 2], 40 + n % 7,
                     clicks, bought])
    return made


def write(path, made, head=HEAD):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *made])
    return path


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("base")
    torch.manual_seed(1)
    net = ResponseNet(Shape(16, 2, 1, 16))
    save_file({name: tensor.contiguous() for name, tensor in net.state_dict().items()}, folder / "model.safetensors")
    net.config.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def house(base, tmp_path_factory):
    """A workspace with a tuned client; few steps, for time."""
    folder = tmp_path_factory.mktemp("media")
    ws = Workspace.open(folder / "ws")
    import_campaigns(ws, write(folder / "rows.csv", rows(70)), "acme")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "FEWEST_STEPS", 8)
        patch.setattr(tuning, "MOST_STEPS", 16)
        answer = tune_response(ws, "acme", {"base": base, "outcome": "conversions"})
    yield ws, answer, folder
    ws.close()


def test_tuning_publishes_an_adapter_with_its_gate_and_leaves_later_rows_alone(house):
    ws, answer, _ = house
    assert answer["adapter"].startswith("response-") and answer["method"] == "head" and answer["task"] == "response"
    assert len(answer["evaluations"]) >= 4  # nine, unless the peak came before
    assert answer["best"]["validation_loss"] == min(one["validation_loss"] for one in answer["evaluations"])
    sizes = answer["rows"]
    assert sizes["train"] + sizes["validation"] + sizes["test"] + sizes["open"] == sizes["rows"] == 140
    assert 0 <= answer["gate"]["blend"] <= 1 and answer["gate"]["reason"] in answer["notes"]
    assert answer["forgetting"] is not None
    assert len(answer["gate"]["rules"]) >= len(answer["rules"]) and all(0 < one["probability"] <= 1 for one in answer["rules"])
    folder = ws.path(answer["adapter"])
    assert {p.name for p in folder.iterdir()} >= {"adapter_model.safetensors", "codebook.json", "gate.json", "README.md"}
    assert json.loads((folder / "codebook.json").read_text())["exposure"] == "clicks"
    assert only_campaigns(ws, "acme") and not only_campaigns(ws, "nobody")


def test_every_row_of_a_plan_is_answered_and_what_is_new_is_not_supported(house, tmp_path):
    ws, answer, _ = house
    plan = [[date(2024, 3, 15), channel, f"{channel} 1", "Dresses", 43, 200] for channel in (*RATES, "Radio")]
    plan += [[date(2024, 3, 15), "TikTok", "TikTok 1", "Dresses", 43, "many"]]
    path = write(tmp_path / "plan.csv", plan, HEAD[:-1])
    found = predict(ws, "acme", path, {"outcome": "conversions", "out": tmp_path / "rates.csv"})
    assert [one["row"] for one in found["rows"]] == [0, 1, 2, 3, 4] and found["exposure"] == "clicks"
    *told, radio, broken = found["rows"]
    assert all(one["supported"] and one["interval"][0] <= one["rate"] <= one["interval"][1] for one in told)
    assert told[0]["rate"] > 1.5 * told[1]["rate"] > told[2]["rate"]
    assert not radio["supported"] and 0 < radio["rate"] < 1 and "outside" in " ".join(found["notes"])
    whole, (low, high) = found["total"]["expected"], found["total"]["interval"]
    assert whole == pytest.approx(200 * sum(one["rate"] for one in (*told, radio))) and found["total"]["rows"] == 4
    assert low < 0.8 * whole < 1.2 * whole < high  # the level that all rows share may move
    assert broken["rate"] is None and broken["interval"] is None and "many" in broken["reason"]
    assert told[0]["drivers"] and all(part["words"] for part in told[0]["drivers"])
    with (tmp_path / "rates.csv").open() as file:
        written = list(csv.DictReader(file))
    assert len(written) == 5 and float(written[0]["rate"]) == told[0]["rate"]
    wide = predict(ws, "acme", path, {"level": 0.98})["rows"][0]["interval"]
    assert wide[0] <= told[0]["interval"][0] and wide[1] >= told[0]["interval"][1]


def test_a_product_that_the_history_never_held_is_not_supported_whatever_its_name_means(house, tmp_path):
    ws, _, _ = house
    plan = [[date(2024, 3, 15), "Instagram", "Instagram 1", product, 43, 200]
            for product in ("Dresses", "dresses ", "Summer dress", "Kettle", "")]
    path = write(tmp_path / "plan.csv", plan, HEAD[:-1])
    found = predict(ws, "acme", path, {"outcome": "conversions", "out": tmp_path / "rates.csv"})["rows"]
    assert [one["supported"] for one in found] == [True, True, False, False, True]
    assert found[2]["reason"] == "the product 'Summer dress' is not in the client's history" and "reason" not in found[0]
    assert found[2]["interval"][1] - found[2]["interval"][0] > 1.5 * (found[0]["interval"][1] - found[0]["interval"][0])
    with (tmp_path / "rates.csv").open() as file:
        assert [row["reason"] for row in csv.DictReader(file)] == ["", "", found[2]["reason"], found[3]["reason"], ""]
    told = write(tmp_path / "more.csv", [[date(2024, 3, 15), "Instagram", "Dresses", "men", 43, 200], [date(2024, 3, 15), "Instagram",
                 "Dresses", "", 4000, 200]], ["date", "channel", "product", "audience", "price", "clicks"])
    found = predict(ws, "acme", told, {"outcome": "conversions"})["rows"]
    assert found[0]["reason"] == "the audience 'men' is not in the client's history" and "price" in found[1]["reason"]
    assert not found[0]["supported"] and not found[1]["supported"]


def test_a_product_that_came_after_the_adapter_is_not_supported(house, tmp_path):
    _, _, folder = house
    with Workspace.open(folder / "ws") as ws:
        record = ws.record(house[1]["adapter"])["record"]
    history = load_columns(house[0], "acme")[0]
    later = join(history, columns_of({"channel": ["Radio"], "product": ["Dresses"], "price": [43.0]}, [history.day.max()], history))
    asked = later.take(np.array([len(history)]))
    assert unsupported(asked, Codebook(**record["codebook"]), later)[0].startswith("the channel 'Radio' is none")


def test_a_plan_without_exposure_is_answered_for_the_usual_one_and_map_names_columns(house, tmp_path):
    ws, _, _ = house
    path = write(tmp_path / "plan.csv", [["2024-03-15", "Instagram", "Dresses"]], ["When", "Where", "product"])
    found = predict(ws, "acme", path, {"map": {"date": "When", "channel": "Where"}})
    assert found["rows"][0]["supported"] and "usual clicks" in " ".join(found["notes"]) and found["total"] is None


def test_a_plan_of_one_row_reads_it_as_one_of_many_does(house, tmp_path):
    ws, _, _ = house
    many = [[date(2024, 3, 15), "Instagram", "Instagram 1", "Dresses", price, 200] for price in (95, 20, 30, 43, 60, 80)]
    alone, *rest = (predict(ws, "acme", write(tmp_path / f"{n}.csv", some, HEAD[:-1]), {"outcome": "conversions"})["rows"][0]["rate"]
                    for n, some in enumerate((many[:1], many[:2], many)))
    assert rest == pytest.approx([alone] * 2, rel=1e-6)


def test_rows_that_are_torn_keep_their_places_and_say_why(house, tmp_path):
    ws, _, _ = house
    lines = [",".join(HEAD[:-1]), *(f"2024-03-15,{channel},{channel} 1,Dresses,43,200{more}"
                                    for channel, more in (("Instagram", ""), ("TikTok", ",9,9"), ("TikTok", ""))), "2024-03-15,TikTok"]
    (tmp_path / "torn.csv").write_text("\n".join(lines) + "\n")
    found = predict(ws, "acme", tmp_path / "torn.csv", {"outcome": "conversions"})
    assert [one["rate"] is None for one in found["rows"]] == [False, True, False, True]
    assert [one["row"] for one in found["rejected"]] == [1, 3] and "8 fields" in found["rows"][1]["reason"]


def test_a_row_that_stands_twice_in_a_plan_is_answered_twice(house, tmp_path):
    ws, _, _ = house
    row = [date(2024, 3, 15), "Instagram", "Instagram 1", "Dresses", 43, 200]
    found = predict(ws, "acme", write(tmp_path / "twice.csv", [row, row, row], HEAD[:-1]), {"outcome": "conversions"})
    assert len({one["rate"] for one in found["rows"]}) == 1 and found["rows"][2]["rate"] and found["rejected"] == []


def test_a_plan_is_known_by_the_client_s_own_columns_and_says_what_it_does_not_tell(tmp_path):
    chance = np.random.default_rng(6)
    made = [[date(2024, 1, 1) + timedelta(n // 3), grp, float(chance.integers(1, 90)), 200, chance.binomial(200, rate)]
            for n, (grp, rate) in enumerate([("promo", 0.2), ("brand", 0.05), ("gift", 0.1)] * 40)]
    with Workspace.open(tmp_path / "ws") as ws:
        import_campaigns(ws, write(tmp_path / "rows.csv", made, ["date", "grp", "score", "clicks", "conversions"]), "acme")
        plan = write(tmp_path / "plan.csv", [["promo", 50], ["brand", 60], ["gift", 70]], ["grp", "score"])
        rows = predict(ws, "acme", plan, {"outcome": "conversions"})["rows"]
        assert len(rows) == 3 and rows[0]["rate"] > 1.5 * rows[2]["rate"] > 2 * rows[1]["rate"]
        silent = predict(ws, "acme", write(tmp_path / "silent.csv", [["2024-03-01", 50]], ["date", "score"]), {"outcome": "conversions"})
        assert any("does not tell grp" in note for note in silent["notes"])


@pytest.mark.parametrize(("imported", "planned", "month"), [("%d/%m/%Y", "03/04/2024", 4), ("%m/%d/%Y", "03/04/2024", 3),
                                                            ("%d.%m.%Y", "03/04/2024", 4), ("%m/%d/%Y", "03.04.2024", 4)])
def test_a_plan_s_dates_are_written_in_the_order_of_the_client_s_own_files_where_it_does_not_tell_itself(
        imported, planned, month, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("adtune.steps.predicting.columns_from", lambda table, like=None: asked.append(table) or columns_from(table, like))
    made = [[row[0].strftime(imported), *row[1:]] for row in rows(60)]
    with Workspace.open(tmp_path / "ws") as ws:
        import_campaigns(ws, write(tmp_path / "rows.csv", made), "acme")
        plan = [[planned, "Instagram", "Instagram 1", "Dresses", 43, 200]]
        found = predict(ws, "acme", write(tmp_path / "plan.csv", plan, HEAD[:-1]), {"outcome": "conversions"})
        assert asked[-1]["date"].to_pylist() == [date(2024, month, 7 - month)] and found["rejected"] == []
        told = [note for note in found["notes"] if note.startswith("Dates such as 03/04/2024 are read with the")]
        assert len(told) == ("/" in planned) and all(f"as 2024-0{month}-0{7 - month}" in note for note in told)


def test_the_first_days_of_months_are_no_neighbours_where_the_client_s_files_write_the_day_first():
    cells = [f"01/{month:02}/2024" for month in range(1, 7)]
    assert spans(cells)["01/02/2024"][0] == date(2024, 1, 2) and spans(cells, usual="day")["01/02/2024"][0] == date(2024, 2, 1)
    assert decided_by(cells, "day") == ("01/02/2024", date(2024, 2, 1)) and decided_by([*cells, "25/01/2024"], "month") is None


@pytest.mark.parametrize(("lines", "found", "do"), [
    (["date,value", "2024-03-15,20"], "date, value, of which value is an outcome, known only after the ads ran", "Give value the name"),
    (["value", "20"], "value", "--map channel=COLUMN"), (["foo,bar", "1,2"], "foo, bar", "--map channel=COLUMN"),
    ([], "the file is empty", ".csv or .xlsx"), (["%PDF-1.4"], "no table", ".csv or .xlsx")])
def test_a_plan_that_tells_nothing_of_its_rows_is_refused_with_what_it_should_hold(lines, found, do, house, tmp_path):
    ws, _, _ = house
    (path := tmp_path / "plan.csv").write_text("".join(f"{line}\n" for line in lines))
    with pytest.raises(InputError) as error:
        predict(ws, "acme", path, {"outcome": "conversions"})
    assert found in error.value.found and do in error.value.do
    assert "rows to predict" in error.value.expected and ("channel" in error.value.expected or not lines or lines[0].startswith("%"))


def test_an_outcome_in_a_plan_is_told_to_count_for_nothing(house, tmp_path):
    ws, _, _ = house
    plan = write(tmp_path / "plan.csv", [["2024-03-15", "Instagram", 20]], ["date", "channel", "value"])
    assert any(note.startswith("value is read as an outcome") for note in predict(ws, "acme", plan, {"outcome": "conversions"})["notes"])


def test_two_orders_in_the_client_s_files_tell_nothing_of_a_plan(tmp_path):
    with Workspace.open(tmp_path / "ws") as ws:
        for name, order, channel in (("uk", "%d/%m/%Y", "Search"), ("us", "%m/%d/%Y", "Social")):
            made = [[row[0].strftime(order), channel, *row[2:]] for row in rows(60)]
            import_campaigns(ws, write(tmp_path / f"{name}.csv", made), "acme")
        plan = [["03/04/2024", "Search", "Instagram 1", "Dresses", 43, 200]]
        with pytest.raises(InputError, match="could be two days"):
            predict(ws, "acme", write(tmp_path / "plan.csv", plan, HEAD[:-1]), {"outcome": "conversions"})


def test_a_plan_reads_the_clients_calendars_as_its_rows_did(tmp_path):
    chance = np.random.default_rng(5)
    days = [date(2024, 1, 1) + timedelta(n) for n in range(90)]
    free = ["yes" if n % 3 == 0 else "no" for n in range(90)]
    with Workspace.open(tmp_path / "ws") as ws:
        made = [[day, "Dresses", 200, chance.binomial(200, 0.2 if one == "yes" else 0.05)] for day, one in zip(days, free, strict=True)]
        import_campaigns(ws, write(tmp_path / "rows.csv", made[:80], ["Day", "Ad group", "Clicks", "Conversions"]), "acme")
        import_campaigns(ws, write(tmp_path / "calendar.csv", [[day, "dresses", one] for day, one in zip(days, free, strict=True)],
                                   ["Day", "Ad group", "Free returns"]), "acme")
        plan = write(tmp_path / "plan.csv", [row[:3] for row in made[80:]], ["Day", "Ad group", "Clicks"])
        rate = [one["rate"] for one in predict(ws, "acme", plan, {"outcome": "conversions"})["rows"]]
        assert min(rate[1::3]) > 2 * max(rate[0::3] + rate[2::3])
        said = write(tmp_path / "own.csv", [[*row[:3], "no"] for row in made[80:]], ["Day", "Ad group", "Clicks", "Free returns"])
        own = [one["rate"] for one in predict(ws, "acme", said, {"outcome": "conversions"})["rows"]]
        assert max(own) < 0.5 * max(rate)  # what the plan itself says holds


def test_without_an_adapter_the_base_answers_and_says_so(house, tmp_path, base):
    ws, _, _ = house
    with pytest.raises(InputError, match="value"):
        predict(ws, "acme", write(tmp_path / "p.csv", [["2024-03-15", "Instagram", 100]], ["date", "channel", "clicks"]),
                {"outcome": "value"})
    with pytest.raises(SettingError):
        predict(ws, "acme", tmp_path / "p.csv", {"level": 2.0})


def test_an_evaluation_compares_on_later_rows_and_tells_what_is_not_known(house):
    ws, answer, _ = house
    found = evaluate_response(ws, "acme")
    arms = found["measures"]["arms"]
    assert {"tuned", "untuned base", "base in context", "own mean", "cell rates", "last 14 days", "ridge GLM"} == set(arms)
    assert all(one["deviance"] > 0 for one in arms.values())
    assert arms["own mean"]["tuned_below"] > 0.2  # three channels whose rates lie far apart
    assert found["on_brand"]["tuned"] is None and found["held_out"]["loss_tuned"] < found["held_out"]["loss_base"]
    assert found["gates"]["below_own_rate"]["passed"] is True
    assert found["channels"][0]["channel"] == "Instagram" and found["channels"][0]["probability_above_mean"] > 0.9
    assert len(found["season"][0]["days"]) == 24 and any("randomised" in line for line in found["not_known"])
    page = Path(found["report"]).read_text(encoding="utf-8")
    assert "What is not known" in page and "<script" not in page


def test_the_gate_falls_back_to_the_own_rate_where_the_model_is_wrong(base):
    made = rows(60, seed=4)
    columns = columns_of(dict(zip(HEAD, zip(*made, strict=True), strict=True)), [row[0].toordinal() for row in made])
    book = make_codebook(columns, "conversions")
    batch, split = splitting.readable(columns, book), splitting.split_rows(columns, book)
    wrong = load_response(base)
    with torch.no_grad():
        wrong.model.head.bias[0] = 2.5  # seven times the rate everywhere
    gate = tuning.choose_gate(wrong, batch, split)
    assert gate.fell_back and gate.blend == 0 and "own rate" in gate.reason and len(gate.curve) == len(BLENDS)
    assert not tuning.choose_gate(load_response(base), batch, split).fell_back


def test_outcomes_of_later_rows_decide_nothing_of_how_rows_are_read():
    chance, made = random.Random(5), rows(60, seed=4)
    given = dict(zip(HEAD, zip(*made, strict=True), strict=True)) | {name: [chance.choice("xyz") for _ in made] for name in "abcde"}
    days = [row[0].toordinal() for row in made]
    told = {}
    for name in "ae":       # later rows have conversions by one input or by another
        later = [clicks // 2 * (value == "x") if day > days[0] + 36 else one for one, clicks, value, day in
                 zip(given["conversions"], given["clicks"], given[name], days, strict=True)]
        columns = columns_of({**given, "conversions": later}, days)
        book, split = splitting.read_rows(columns, "conversions")
        assert columns.day[split.train].max() <= days[0] + 36 < columns.day[split.test].min()
        told[name] = book, make_codebook(columns, "conversions")
    assert told["a"][0] == told["e"][0] and told["a"][1] != told["e"][1]


@pytest.mark.parametrize("made, found", [
    (rows(20), "usable rows of"), (rows(1, per_day=90), "rows of 1 days"), (rows(40, rate=0.0), "0 conversions")])
def test_too_little_is_refused_with_what_was_found_and_advice_says_collect(made, found, tmp_path):
    with Workspace.open(tmp_path / "ws") as ws:
        import_campaigns(ws, write(tmp_path / "rows.csv", made), "acme")
        with pytest.raises(InputError) as error:
            columns, _ = load_columns(ws, "acme")
            splitting.split_rows(columns, make_codebook(columns, "conversions"))
        assert found in error.value.found
        advice = advise_response(ws, "acme", {"outcome": "conversions"})
        assert advice["verdict"] == "collect" and advice["findings"]


def test_wrong_words_are_refused(tmp_path):
    with Workspace.open(tmp_path / "ws") as ws:
        ws.ensure_client("acme")
        with pytest.raises(InputError, match="campaign rows"):
            tune_response(ws, "acme", {})
        with pytest.raises(InputError):
            evaluate_response(ws, "acme")
        import_campaigns(ws, write(tmp_path / "rows.csv", rows(40)), "acme")
        for options in ({"outcome": "sales"}, {"method": "prefix"}, {"exposure": "impressions"}, {"nonsense": 1}):
            with pytest.raises((SettingError, InputError)):
                tune_response(ws, "acme", options)


def test_columns_that_saw_the_outcome_are_no_inputs_and_products_are_understood():
    names = ["CTR", "Cost per result", "Conv. value / cost", "ROAS", "GROSS_DISCOUNT", "duration", "Device", "Price"]
    assert left_out(names) == names[:6]
    many = 30
    given = {"channel": ["Instagram"] * many, "ad_group": ["Summer Dresses", "Winter coats"] * 15, "clicks": [100.0] * many,
             "conversions": [3.0] * many, "duration": list(range(many)), "Device": ["mobile", "desktop"] * 15}
    columns = columns_of(given, [739_000 + n for n in range(many)])
    assert "duration" not in columns.numbers
    book = make_codebook(columns, "conversions")
    assert set(words_of_field(columns, "product", book.sources)) == {"dresses", "coats"}
    batch = encode(columns, book, np.ones(many, bool))
    assert batch.known[0, :, 4].unique().tolist() and batch.context.all() and asdict(book)["sources"]["device"] == "Device"


def test_spend_of_the_day_is_no_input_where_clicks_are_paid_for():
    many = 40
    given = {"channel": ["Instagram"] * many, "campaign": ["one"] * many, "impressions": [1000.0] * many,
             "clicks": [10.0 + n for n in range(many)],
             "spend": [5.0 + n for n in range(many)]}
    columns = columns_of(given, [739_000 + n for n in range(many)])
    batch = encode(columns, make_codebook(columns, "clicks"), np.ones(many, bool))
    given["spend"][20] *= 100
    again = columns_of(given, [739_000 + n for n in range(many)])
    other = encode(again, make_codebook(columns, "clicks"), np.ones(many, bool))
    assert torch.equal(batch.numbers[0, 20], other.numbers[0, 20]) and not torch.equal(batch.numbers[0, 21], other.numbers[0, 21])
