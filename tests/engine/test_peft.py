"""PEFT as the oracle: its folders load here and ours load there, with the same logits."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
import torch
from made_bases import make_base

from adtune.engine.bases import load_base
from adtune.engine.methods import attach, attach_saved
from adtune.settings import TuneSettings

peft = pytest.importorskip("peft")
pytestmark = [  # peft 0.21 asks transformers under an old name, and corrects GPT-2's setting by itself
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:fan_in_fan_out is set to False:UserWarning:peft")]

OPTIONS = asdict(TuneSettings(rank=4, alpha=6, prefix_tokens=6))
PROMPT = [0, 20, 31, 42, 53, 64, 75]
IDS = [[0, 21, 33, 47, 30, 25], [0, 90, 80, 70, 60, 50]]


def ours(base, method):
    cache = method.cache(len(IDS))
    with torch.no_grad():
        return base.model(input_ids=torch.tensor(IDS), past_key_values=cache, use_cache=cache is not None).logits


def theirs(model):
    ids = torch.tensor(IDS)
    model.eval()
    with torch.no_grad():
        return model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits


def shake(tensors):
    with torch.no_grad():
        for tensor in tensors:
            tensor.add_(0.2 * torch.randn(tensor.shape))


def same(one, other):
    assert torch.allclose(one, other, atol=1e-4, rtol=1e-4), (one - other).abs().max()


@pytest.fixture
def fresh(base, bases_folder):
    """The same weights once more, for PEFT to wrap."""
    return load_base(base.name)


@pytest.mark.parametrize("name", ["lora", "prefix"])
def test_our_folder_loads_in_peft(name, base, fresh, tmp_path):
    method = attach(name, base, OPTIONS, PROMPT)
    shake(method.tensors.values())
    mine = ours(base, method)
    method.save(tmp_path)
    method.detach()
    same(theirs(peft.PeftModel.from_pretrained(fresh.model, tmp_path)), mine)


def lora_config(base, **changes):
    targets = sorted({name.rsplit(".", 1)[-1] for name in base.linears})
    return peft.LoraConfig(task_type="CAUSAL_LM", **({"r": 4, "lora_alpha": 8, "target_modules": targets} | changes))


@pytest.mark.parametrize("changes", [{}, {"use_rslora": True}, {"layers_to_transform": [1]}])
def test_a_lora_folder_of_peft_loads_here(changes, base, fresh, tmp_path):
    model = peft.get_peft_model(fresh.model, lora_config(base, **changes))
    shake(p for name, p in model.named_parameters() if "lora_" in name)
    model.save_pretrained(tmp_path)
    method = attach_saved(base, tmp_path)
    same(ours(base, method), theirs(model))
    if changes.get("layers_to_transform"):
        assert all(".1." in target for target in method.targets)
    method.detach()


def test_a_prefix_folder_of_peft_loads_here(base, fresh, tmp_path):
    heads, size = base.kv_sites[0]
    model = peft.get_peft_model(fresh.model, peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=6, token_dim=heads * size,
                                                                    num_attention_heads=heads, num_layers=len(base.kv_sites)))
    shake(p for p in model.parameters() if p.requires_grad)
    model.save_pretrained(tmp_path)
    method = attach_saved(base, tmp_path)
    assert method.context_tokens == 6
    same(ours(base, method), theirs(model))
    method.detach()


def test_peft_finds_the_key_value_heads_of_our_prefix_by_itself(llama):
    """PEFT's own defaults for a grouped-query base agree with the folder that we write."""
    method = attach("prefix", llama, OPTIONS, PROMPT)
    default = peft.get_peft_model(make_copy(llama), peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=6))
    written, found = method.config(), default.peft_config["default"]
    assert (written["token_dim"], written["num_attention_heads"], written["num_layers"]) == (
        found.token_dim, found.num_attention_heads, found.num_layers)
    assert default.prompt_encoder["default"].embedding.weight.shape == method.tensors["prompt_embeddings"].shape


def make_copy(base):
    return load_base(base.name).model


def test_a_projected_prefix_is_refused(llama, tmp_path):
    from adtune.errors import BaseModelError

    attach("prefix", llama, OPTIONS, PROMPT).save(tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(json.dumps(config | {"prefix_projection": True}))
    with pytest.raises(BaseModelError, match="projection"):
        attach_saved(llama, tmp_path)


def test_merged_here_equals_merged_by_peft(bases_folder, tmp_path):
    base = make_base("gpt2", bases_folder / "peft-merge")
    method = attach("lora", base, OPTIONS, PROMPT)
    shake(method.tensors.values())
    method.save(tmp_path)
    other = peft.PeftModel.from_pretrained(load_base(base.name).model, tmp_path).merge_and_unload()
    method.merge()
    same(theirs(base.model), theirs(other))
