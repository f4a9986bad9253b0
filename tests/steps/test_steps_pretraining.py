"""`pretrain text` end to end on a made corpus: a base that loads everywhere, a run that stops and goes on, refusals by name."""

from __future__ import annotations

import json
import random

import pytest
import torch

from adtune.engine.bases import load_base
from adtune.engine.generate import Sampling, generate
from adtune.errors import InputError, Interrupted, SettingError
from adtune.records import Brief
from adtune.steps.archive import import_archive
from adtune.steps.pretraining import pretrain_text
from adtune.workspace import Workspace

WORDS = ("river stone bridge market harbour letter winter signal copper engine garden lamp quiet narrow early warm paper window kettle "
         "orchard ladder basket meadow thunder velvet").split()
OPTIONS = {"size": "tiny", "steps": 24, "vocabulary": 400, "context": 256, "row_tokens": 64, "batch_tokens": 512, "warmup_steps": 3}


def sentence(rng):
    return " ".join(rng.choices(WORDS, k=rng.randint(6, 12))).capitalize() + f" in {rng.randint(1900, 2020)}."


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    rng, path = random.Random(0), tmp_path_factory.mktemp("corpus") / "made.jsonl"
    rows = [{"title": f"Of {rng.choice(WORDS)} {n}", "source": "openstax" if n % 2 else "wiki2021",
             "text": " ".join(sentence(rng) for _ in range(rng.randint(4, 9)))} for n in range(500)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def made(corpus, tmp_path_factory):
    torch.set_num_threads(1)
    out, told = tmp_path_factory.mktemp("out") / "base", []
    answer = pretrain_text(None, {"corpus": [corpus], "out": out, **OPTIONS}, lambda *said: told.append(said))
    return answer, out, told


def test_a_base_comes_out_judged_and_told(made):
    answer, out, told = made
    assert answer["steps"] == 24 and answer["tokens"] == 24 * 512 and answer["base"] == str(out) and not answer["resumed"]
    assert set(answer["by_source"]) == {"openstax", "wiki2021"} and 0 < answer["bits_per_byte"] < 8
    assert answer["modern_bits_per_byte"] == pytest.approx(answer["by_source"]["openstax"])
    assert {"read the corpus", "tokenizer", "tokenise", "briefs", "pre-train", "judge"} <= {said[0] for said in told}
    assert all(0 <= said[1] <= said[2] for said in told)
    bars = [said for said in told if said[0] == "pre-train"]
    assert bars[-1][1] == bars[-1][2] and "tok/s" in bars[-1][3]
    figures = json.loads((out / "figures.json").read_text())
    assert figures["drawn_tokens"].keys() == figures["epochs"].keys() == answer["by_source"].keys()
    card = (out / "README.md").read_text()
    assert f"{answer['parameters']:,}" in card and "not for publishable copy" in card and "OpenStax" in card
    assert (out / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_the_base_loads_with_plain_transformers_and_with_ours(made):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    answer, out, _ = made
    model, tokenizer = AutoModelForCausalLM.from_pretrained(out), AutoTokenizer.from_pretrained(out)
    assert model.dtype == torch.bfloat16 and model.config.model_type == "qwen3" and model.config.architectures == ["Qwen3ForCausalLM"]
    assert answer["parameters"] == sum(p.numel() for p in model.parameters()) and model.config._attn_implementation == "sdpa"
    base = load_base(str(out))
    chat = tokenizer.apply_chat_template([{"role": "user", "content": "# A bridge"}], tokenize=True, return_dict=False)
    assert list(chat) == base.renderer.brief(Brief("A bridge"))
    assert len(generate(base, None, [base.renderer.brief(Brief("A bridge"))], [0], Sampling(max_tokens=5))[0]) > 0


def test_the_weights_before_the_cool_down_are_a_start_for_another_run(made, corpus, tmp_path):
    answer, out, _ = made
    started = load_base(answer["constant"]).model
    told = pretrain_text(None, {"corpus": [corpus], "out": tmp_path / "next", "start_from": answer["constant"], **OPTIONS, "steps": 1,
                                "warmup_steps": 0, "muon_rate": 0.0, "adamw_rate": 0.0, "weight_decay": 0.0})
    same = load_base(told["base"]).model
    assert all(torch.equal(a, b) for a, b in zip(started.parameters(), same.parameters(), strict=True))
    finished = load_base(str(out)).model
    assert not all(torch.equal(a, b) for a, b in zip(started.parameters(), finished.parameters(), strict=True))


def test_a_run_stopped_and_resumed_gives_the_same_base(made, corpus, tmp_path):
    _, out, _ = made
    steps = []

    def progress(label, done, total, note=""):
        if label == "pre-train":
            steps.append(done)

    options = {"corpus": [corpus], "out": tmp_path / "base", **OPTIONS}
    with pytest.raises(Interrupted, match="step 9"):
        pretrain_text(None, options, progress, lambda: len(steps) == 9)
    assert not (tmp_path / "base").exists()
    answer = pretrain_text(None, {**options, "resume": True})
    assert answer["resumed"] and answer["steps"] == 24
    assert (tmp_path / "base" / "model.safetensors").read_bytes() == (out / "model.safetensors").read_bytes()


def test_a_corpus_that_holds_a_clients_pieces_is_refused_by_name(corpus, tmp_path):
    piece = " ".join(f"word{n}" for n in range(40))
    archive, spoilt = tmp_path / "acme.jsonl", tmp_path / "spoilt.jsonl"
    archive.write_text(json.dumps({"title": "Ours", "text": piece}) + "\n")
    spoilt.write_text(json.dumps({"title": "Copied page", "text": f"Once {piece} again"}) + "\n")
    with Workspace.open(tmp_path / "ws") as ws:
        import_archive(ws, archive, "acme")
        with pytest.raises(InputError, match=r"Copied page.*acme"):
            pretrain_text(ws, {"corpus": [corpus, spoilt], "out": tmp_path / "base", **OPTIONS})


@pytest.mark.parametrize(("changes", "named"), [
    ({"corpus": []}, "--corpus"), ({"corpus": ["nowhere.txt"]}, "nowhere.txt"), ({"size": "9m"}, "8m"), ({"minutes": -1.0}, "minutes"),
    ({"vocabulary": 50_000}, "vocabulary"), ({"batch_tokens": 65_536}, "tokens to train on"), ({"sead": 1}, "seed")])
def test_what_cannot_be_done_is_refused_by_name(changes, named, corpus, tmp_path):
    with pytest.raises((InputError, SettingError), match=named):
        pretrain_text(None, {"corpus": [corpus], "out": tmp_path / "base", **OPTIONS, **changes})


def test_a_folder_of_other_files_is_left_alone(corpus, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="other files"):
        pretrain_text(None, {"corpus": [corpus], "out": tmp_path, **OPTIONS})
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_no_training_starts_on_a_disk_without_room_for_the_tokens(corpus, tmp_path, monkeypatch):
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(InputError, match="bytes free"):
        pretrain_text(None, {"corpus": [corpus], "out": tmp_path / "base", **OPTIONS})
    assert not (tmp_path / "base").exists() and not list((tmp_path / "base.work").glob("*.partial"))
