"""Loading bases: pinned by the hash of their weights, and every refusal is one clear message."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from made_bases import write_model
from safetensors.torch import load_file, save_file

from adtune.engine import base_places
from adtune.engine.bases import bf16_is_faster, load_base, weight_hash
from adtune.errors import BaseModelError


@pytest.fixture
def folder(tmp_path):
    return write_model("llama", tmp_path / "small-llama")


def refusal(name):
    with pytest.raises(BaseModelError) as caught:
        load_base(str(name))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 900
    return caught.value


def test_a_base_declares_what_it_is(any_base):
    base = any_base
    assert all(p.dtype == torch.float32 and not p.requires_grad for p in base.model.parameters()) and not base.model.training
    assert base.parameters == sum(p.numel() for p in base.model.parameters())
    assert len(base.kv_sites) == base.model.config.num_hidden_layers and len(base.linears) >= 4 * len(base.kv_sites)
    assert not any("head" in name or "embed" in name for name in base.linears)
    assert base.context == base.model.config.max_position_embeddings and base.revision is None and len(base.hash) == 64
    assert base.renderer.end and base.starter == (base.name == "starter")


def test_equal_weights_have_equal_hashes_wherever_they_lie(folder, tmp_path):
    one = load_base(str(folder))
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert load_base(str(tmp_path / "elsewhere")).hash == one.hash == weight_hash(one.model)
    assert load_base(str(write_model("llama", tmp_path / "again"))).hash == one.hash
    weights = load_file(folder / "model.safetensors")
    key = sorted(weights)[-1]
    weights[key].view(-1)[-1] += 1e-3
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    assert load_base(str(folder)).hash != one.hash


def test_the_licence_is_the_cards(folder):
    assert load_base(str(folder)).licence is None
    (folder / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\n")
    assert load_base(str(folder)).licence == "apache-2.0"


@pytest.mark.parametrize("name", ["small-lama", "nowhere/at/all", "./small-lama", "~/no-such-base", "small-llama/config.json", ""])
def test_a_path_that_is_no_base(name, folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    error = refusal(name)
    if "small-lama" in name:
        assert "small-llama" in error.do


def test_a_misspelt_starter_is_suggested(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "'starter'" in refusal("startr").do


def test_no_shipped_starter_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(base_places, "base_path", lambda kind: tmp_path / kind)
    assert "adtune pretrain text" in refusal("starter").do


def test_a_hub_id_without_a_network(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error = refusal("nobody-here/no-such-model")
    assert error.where == "--base nobody-here/no-such-model" and "local directory" in error.do


def test_a_base_with_code_of_its_own_is_refused(folder):
    change_config(folder, auto_map={"AutoModelForCausalLM": "modeling.Evil"})
    assert "own code" in refusal(folder).found


def change_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_pickled_weights_alone_are_refused(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    error = refusal(folder)
    assert "pytorch_model.bin" in error.found and "safetensors" in error.do


@pytest.mark.parametrize("content", ["{", "[]", "null", "3", '{"model_type": "no-such-type"}', "{}", '{"model_type": 3}'])
def test_a_broken_configuration(content, folder):
    (folder / "config.json").write_text(content)
    refusal(folder)


def test_a_folder_without_configuration(tmp_path):
    assert "config.json" in refusal(tmp_path).found


def test_a_missing_or_broken_tokenizer(folder):
    (folder / "tokenizer.json").write_text("{")
    refusal(folder)
    (folder / "tokenizer.json").unlink()
    refusal(folder)


def test_what_a_library_prints_does_not_reach_stdout(folder, capfd):
    """The tokenizers library prints where it meets a word that it does not know; stdout belongs to the answer."""
    words = json.loads((folder / "tokenizer.json").read_text())
    words["added_tokens"][0]["unheard_of"] = True
    (folder / "tokenizer.json").write_text(json.dumps(words))
    load_base(str(folder))
    said = capfd.readouterr()
    assert said.out == "" and "unheard_of" in said.err


def test_truncated_weights(folder):
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[:len(data) // 2])
    refusal(folder)


def test_a_configuration_of_another_size(folder):
    change_config(folder, intermediate_size=50)
    refusal(folder)


def test_weights_with_a_hole_are_refused_rather_than_made_up(folder):
    weights = load_file(folder / "model.safetensors")
    gone = next(key for key in weights if "layers.1" in key and "mlp" in key)
    save_file({k: v for k, v in weights.items() if k != gone}, folder / "model.safetensors", {"format": "pt"})
    assert gone in str(refusal(folder))


def test_a_model_that_writes_no_text_is_refused(tmp_path):
    from transformers import MobileNetV2Config, MobileNetV2Model

    MobileNetV2Model(MobileNetV2Config(depth_multiplier=0.1, finegrained_output=False)).save_pretrained(tmp_path)
    refusal(tmp_path)


def test_the_machine_is_measured_once():
    assert isinstance(bf16_is_faster(), bool) and bf16_is_faster() == bf16_is_faster()
    assert bf16_is_faster.cache_info().misses == 1
