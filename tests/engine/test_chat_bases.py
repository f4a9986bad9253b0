"""Bases that people use, at tiny sizes: chat shapes whose end of turn is learned, and the forms in which their weights lie on a disk."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
import transformers
from made_bases import PLAIN, make_base, write_model

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "voice"))

from made_golden import END, tokenizer  # noqa: E402

from adtune.engine.base_files import context_of, licence_of  # noqa: E402
from adtune.engine.bases import load_base  # noqa: E402
from adtune.engine.generate import Sampling, generate  # noqa: E402
from adtune.engine.methods import attach  # noqa: E402
from adtune.engine.tasks.drafting import make_rows, row_nats  # noqa: E402
from adtune.errors import BaseModelError  # noqa: E402
from adtune.records import Brief, Example  # noqa: E402
from adtune.settings import TuneSettings  # noqa: E402

FAMILIES = {"chatml": "Qwen2", "qwen3": "Qwen3", "llama3": "Llama", "gemma": "Gemma", "mistral": "Mistral"}
PIECE = Example(Brief("Roses"), "Dry.")


def chat_base(shape, folder, **changes):
    made = tokenizer(shape)
    torch.manual_seed(0)
    config = getattr(transformers, f"{FAMILIES[shape]}Config")(**(PLAIN | {
        "vocab_size": 272, "bos_token_id": made.bos_token_id, "eos_token_id": made.eos_token_id, "pad_token_id": None} | changes))
    getattr(transformers, f"{FAMILIES[shape]}ForCausalLM")(config).save_pretrained(folder)
    made.save_pretrained(folder)
    return load_base(str(folder))


@pytest.mark.parametrize("shape", sorted(FAMILIES))
def test_the_end_of_the_turn_is_trained_and_ends_a_draft(shape, tmp_path):
    base = chat_base(shape, tmp_path)
    one, end = base.renderer, base.tokenizer.convert_tokens_to_ids(END[shape])
    assert one.chat and one.end == [end]
    rows, ledger = make_rows(one, [PIECE], base.context)
    assert rows[0].ids[-1] == end and ledger.lost_tokens == 0 and rows[0].targets == len(PIECE.text) + 1
    method = attach("full", base, asdict(TuneSettings()), [])
    optimiser = torch.optim.Adam(method.tensors.values(), lr=1e-2)
    for _ in range(40):
        optimiser.zero_grad()
        (row_nats(base, method, rows).sum() / rows[0].targets).backward()
        optimiser.step()
    written = generate(base, method, [one.brief(PIECE.brief)], [0], Sampling(temperature=0, max_tokens=30))[0]
    assert one.text(written) == PIECE.text and written[-1] == end and len(written) == len(PIECE.text) + 1
    method.detach()


def test_ids_beyond_the_tokenizer_are_never_written(tmp_path):
    """A base whose embedding is padded to a round number has rows that stand for nothing."""
    base = chat_base("chatml", tmp_path, vocab_size=320)
    with torch.no_grad():
        base.model.get_output_embeddings().weight[300] = 50 * base.model.get_output_embeddings().weight[65].sign()
    drafts = generate(base, None, [base.renderer.brief(Brief(f"Piece {n}")) for n in range(8)], list(range(8)),
                      Sampling(temperature=3.0, top_p=1.0, max_tokens=12))
    assert max(max(ids) for ids in drafts) < len(base.tokenizer)


def test_a_tokenizer_with_more_ids_than_the_embedding_is_refused(tmp_path):
    with pytest.raises(BaseModelError, match="rows of the embedding"):
        chat_base("llama3", tmp_path, vocab_size=258)


@pytest.mark.parametrize("kind, tied", [("llama", False), ("llama", True), ("qwen3", True), ("qwen3", False)])
def test_shards_and_tied_heads_load_to_the_same_base(kind, tied, tmp_path):
    whole = make_base(kind, tmp_path / "whole", tie_word_embeddings=tied)
    transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "whole").save_pretrained(tmp_path / "shards", max_shard_size="40KB")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tmp_path / "whole" / name, tmp_path / "shards" / name)
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 2 and not (tmp_path / "shards" / "model.safetensors").exists()
    shards = load_base(str(tmp_path / "shards"))
    assert shards.hash == whole.hash and shards.parameters == whole.parameters
    head, rows = shards.model.get_output_embeddings().weight, shards.model.get_input_embeddings().weight
    assert (head.data_ptr() == rows.data_ptr()) == tied


@pytest.mark.parametrize("change", ["gone", "cut", "moved", "twice", "none"])
def test_a_wrong_index_of_shards_is_refused(change, tmp_path):
    write_model("llama", tmp_path / "whole")
    folder = tmp_path / "shards"
    transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "whole").save_pretrained(folder, max_shard_size="40KB")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tmp_path / "whole" / name, folder / name)
    shards, index = sorted(folder.glob("*.safetensors")), json.loads((folder / "model.safetensors.index.json").read_text())
    if change == "gone":
        shards[0].unlink()
    elif change == "cut":
        shards[0].write_bytes(shards[0].read_bytes()[:-4])
    elif change == "twice":
        shutil.copyfile(shards[0], shards[1])
    else:
        place = f"../whole/{shards[0].name}" if change == "moved" else None
        index["weight_map"] = {name: place or {} for name in index["weight_map"]}
        shutil.copyfile(shards[0], tmp_path / "whole" / shards[0].name)
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(BaseModelError):
        load_base(str(folder))


def test_a_base_on_another_disk_is_found_through_a_link_and_from_another_folder(tmp_path, monkeypatch):
    write_model("llama", tmp_path / "disk" / "models" / "small-llama")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "bases").symlink_to(tmp_path / "disk" / "models", target_is_directory=True)
    monkeypatch.chdir(tmp_path / "work")
    linked, direct = load_base("bases/small-llama"), load_base(str(tmp_path / "disk" / "models" / "small-llama"))
    assert linked.hash == direct.hash and linked.name == "bases/small-llama"
    assert linked.place == str(tmp_path / "work" / "bases" / "small-llama") and load_base().place is None


@pytest.mark.parametrize("rope", [
    {"rope_type": "default", "rope_theta": 500_000.0}, {"rope_type": "linear", "rope_theta": 10_000.0, "factor": 2.0},
    {"rope_type": "dynamic", "rope_theta": 10_000.0, "factor": 2.0},
    {"rope_type": "yarn", "rope_theta": 10_000.0, "factor": 4.0, "original_max_position_embeddings": 64},
    {"rope_type": "llama3", "rope_theta": 10_000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
     "original_max_position_embeddings": 32}], ids=lambda rope: rope["rope_type"])
def test_rotary_settings_are_kept_and_do_not_stretch_the_context(rope, tmp_path):
    base = make_base("llama", tmp_path, rope_parameters=rope)
    assert base.context == 256 and base.model.config.rope_parameters["rope_type"] == rope["rope_type"]
    assert base.plain_head and len(base.kv_sites) == 2
    if rope["rope_type"] != "default":
        plain = make_base("llama", tmp_path / "plain").model
        ids = torch.arange(20, 80)[None]
        with torch.no_grad():
            alike = torch.allclose(plain(input_ids=ids).logits, base.model(input_ids=ids).logits, atol=1e-3)
        assert alike == (rope["rope_type"] == "dynamic")  # which bends beyond the context only


@pytest.mark.parametrize("said, most, context", [
    ({"max_position_embeddings": 512}, 128, 512), ({"n_positions": 64}, 10**30, 64), ({"max_seq_len": 2048}, None, 2048),
    ({}, 4096, 4096), ({}, 10**30, 1024), ({}, None, 1024)], ids=str)
def test_the_context_is_what_the_configuration_says_else_the_tokenizer(said, most, context):
    class Config:
        def get_text_config(self):
            return type("Text", (), said)()

    assert context_of(type("M", (), {"config": Config()})(), type("T", (), {"model_max_length": most})()) == context


@pytest.mark.parametrize("card, licence", [
    ("---\nlicense: apache-2.0\n---\n# x", "apache-2.0"), ("---\nlicense: other\nlicense_name: llama3.1\n---\n", "llama3.1 (other)"),
    ("---\nlicense: [mit, apache-2.0]\n---\n", "mit, apache-2.0"), ("---\ntags: [a]\n---\nlicense: mit\n", None),
    ("# A model\nlicense: mit", None),
    ("---\nlicense: {a: b}\n---\n", None), ("---\nlicense: [\n---\n", None), ("---\n- a\n---\n", None), ("---\nlicense: ''\n---\n", None),
    ("\ufeff---\nlicense: mit\n---\n", "mit"), ("---\nlicense: !!python/object/apply:os.system [true]\n---\n", None), ("", None),
    ("---\nlicense: " + "x" * 70_000, "x" * 100)])
def test_the_licence_is_what_the_card_says(card, licence, tmp_path):
    (tmp_path / "README.md").write_text(card, encoding="utf-8")
    assert licence_of(tmp_path) == licence
