"""Every row of METHODS keeps the same terms on every base; then what is particular to LoRA, prefix and full."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
import torch
from made_bases import make_base, pieces
from safetensors.torch import load_file, save_file
from torch import nn
from transformers.pytorch_utils import Conv1D

from adtune.engine.bases import weight_hash
from adtune.engine.methods import METHODS, attach, attach_saved
from adtune.engine.methods.base import CONFIG, WEIGHTS
from adtune.engine.methods.prefix import Prefix
from adtune.engine.tasks.drafting import Row, make_rows, row_nats
from adtune.errors import BaseModelError, SettingError
from adtune.settings import TuneSettings

TEXT_METHODS = sorted(set(METHODS) - {"head"})  # a text base has no head of its own: test_response_base.py holds that row to the terms
OPTIONS = asdict(TuneSettings(rank=3, alpha=6, prefix_tokens=5))
PROMPT = [0, 20, 31, 42, 53, 64, 75]


def rows(base, count=3):
    return make_rows(base.renderer, pieces(count), 128)[0]


def logits(base, method, ids):
    cache = method.cache(len(ids)) if method is not None else None
    with torch.no_grad():
        return base.model(input_ids=torch.tensor(ids), past_key_values=cache, use_cache=cache is not None).logits


def train(base, method, steps=3, rate=1e-2):
    """A few plain steps of descent; returns the losses."""
    optimizer = torch.optim.SGD(list(method.tensors.values()), lr=rate)
    losses = []
    for _ in range(steps):
        loss = row_nats(base, method, rows(base)).sum() / 100
        loss.backward()
        losses.append(loss.item())
        nn.utils.clip_grad_norm_(list(method.tensors.values()), 10.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return losses


def formula(name, base):
    """The number of trainable parameters, from the configuration and the module shapes alone."""
    config = base.model.config.get_text_config()
    if name == "full":
        return sum(t.numel() for t in {t.data_ptr(): t for t in base.model.state_dict().values()}.values())
    if name == "prefix":
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        return OPTIONS["prefix_tokens"] * 2 * config.num_hidden_layers * heads * size
    return sum(OPTIONS["rank"] * sum(m.weight.shape) for n, m in base.model.named_modules()
               if isinstance(m, (nn.Linear, Conv1D)) and "head" not in n)


def noise(method, scale=0.3):
    with torch.no_grad():
        for tensor in method.tensors.values():
            tensor.add_(scale * torch.randn(tensor.shape))


@pytest.mark.parametrize("name", TEXT_METHODS)
def test_conformance(name, any_base, tmp_path):
    base, ids = any_base, [[0, 21, 33, 47, 30], [0, 90, 80, 70, 60]]
    untouched = logits(base, None, ids)
    expected = formula(name, base)
    method = attach(name, base, OPTIONS, PROMPT)
    assert method.count == method.expected_count() == expected
    before = method.state()
    losses = train(base, method)
    assert losses[-1] < losses[0]
    changed = [key for key, tensor in method.state().items() if not torch.equal(tensor, before[key])]
    assert len(changed) > 0.6 * len(before)
    tuned = logits(base, method, ids)
    assert not torch.allclose(tuned, untouched, atol=1e-4)
    method.save(tmp_path / "adapter")
    method.detach()
    assert weight_hash(base.model) == base.hash
    assert torch.equal(logits(base, None, ids), untouched)
    again = attach_saved(base, tmp_path / "adapter")
    assert again.name == name and again.count == expected
    assert torch.equal(logits(base, again, ids), tuned)
    again.detach()
    assert torch.equal(logits(base, None, ids), untouched)


@pytest.mark.parametrize("name", TEXT_METHODS)
def test_bf16_gives_about_the_same_loss_and_finite_gradients(name, base):
    method = attach(name, base, OPTIONS, PROMPT)
    full = row_nats(base, method, rows(base)).detach()
    half = row_nats(base, method, rows(base), torch.bfloat16)
    assert torch.allclose(half, full, rtol=0.03)
    half.sum().backward()
    assert all(t.grad is not None and torch.isfinite(t.grad).all() for t in method.tensors.values())
    for tensor in method.tensors.values():
        tensor.grad = None
    method.detach()


@pytest.mark.parametrize("name", TEXT_METHODS)
def test_bf16_gradients_do_not_depend_on_what_was_measured_before(name, bases_folder):
    """A resumed run measures nothing before its first step."""
    grads = []
    for first in (False, True):
        base = make_base("qwen3", bases_folder / f"fresh-{name}-{first}")
        torch.manual_seed(0)
        method = attach(name, base, OPTIONS, PROMPT)
        noise(method, 0.01)
        if first:
            with torch.no_grad():
                row_nats(base, method, rows(base), torch.bfloat16)
        row_nats(base, method, rows(base), torch.bfloat16).sum().backward()
        grads.append({key: t.grad for key, t in method.tensors.items()})
    for key, grad in grads[1].items():
        assert grads[0][key] is not None and torch.equal(grads[0][key], grad), key


@pytest.mark.parametrize("name", ["lora", "prefix"])
def test_broken_folders_are_refused(name, llama, tmp_path):
    method = attach(name, llama, OPTIONS, PROMPT)
    noise(method)
    method.save(tmp_path)
    method.detach()
    good, config = load_file(tmp_path / WEIGHTS), json.loads((tmp_path / CONFIG).read_text())
    key = sorted(good)[-1]
    holes = good[key].clone()
    holes[0, 0] = float("nan")
    for weights in (good | {key: holes}, good | {key: good[key][:, :-1].contiguous()}, {k: v for k, v in good.items() if k != key},
                    good | {"base_model.model.nowhere.lora_A.weight": holes}):
        save_file(weights, tmp_path / WEIGHTS)
        refuses(llama, tmp_path)
    save_file(good, tmp_path / WEIGHTS)
    needed = "r" if name == "lora" else "num_virtual_tokens"
    for wrong in ({k: v for k, v in config.items() if k != needed}, config | {needed: "many"}, config | {"peft_type": "IA3"},
                  config | {needed: 2}, [config], None):
        (tmp_path / CONFIG).write_text(json.dumps(wrong))
        refuses(llama, tmp_path)
    (tmp_path / CONFIG).write_text("{")
    refuses(llama, tmp_path)
    (tmp_path / CONFIG).write_text(json.dumps(config))
    attach_saved(llama, tmp_path).detach()
    (tmp_path / WEIGHTS).write_bytes((tmp_path / WEIGHTS).read_bytes()[:-9])
    refuses(llama, tmp_path)
    (tmp_path / WEIGHTS).rename(tmp_path / "adapter_model.bin")
    assert "safetensors" in refuses(llama, tmp_path).do
    refuses(llama, tmp_path / "nowhere")


def refuses(base, folder):
    with pytest.raises(BaseModelError) as caught:
        attach_saved(base, folder)
    assert weight_hash(base.model) == base.hash
    return caught.value


@pytest.mark.parametrize("name", TEXT_METHODS)
def test_an_adapter_of_another_base_is_refused(name, base_of, tmp_path):
    method = attach(name, base_of("llama"), OPTIONS, PROMPT)
    method.save(tmp_path)
    method.detach()
    refuses(base_of("gpt2"), tmp_path)


def test_a_full_folder_with_one_wrong_tensor_leaves_the_base_alone(llama, tmp_path):
    method = attach("full", llama, OPTIONS, PROMPT)
    noise(method)
    method.save(tmp_path)
    method.detach()
    weights = load_file(tmp_path / WEIGHTS)
    last = list(dict(llama.model.named_parameters()))[-1]
    weights[last] = torch.full_like(weights[last], float("inf"))
    save_file(weights, tmp_path / WEIGHTS)
    refuses(llama, tmp_path)


@pytest.mark.parametrize("key, value", [
    ("use_dora", True), ("modules_to_save", ["lm_head"]), ("rank_pattern", {"q_proj": 2}), ("lora_bias", True),
    ("alora_invocation_tokens", [5]), ("use_qalora", True), ("target_parameters", ["x"]), ("layer_replication", [[0, 1]]),
    ("trainable_token_indices", [3])])
def test_lora_variants_that_would_compute_something_else_are_refused(key, value, llama, tmp_path):
    method = attach("lora", llama, OPTIONS, PROMPT)
    method.save(tmp_path)
    method.detach()
    (tmp_path / CONFIG).write_text(json.dumps(json.loads((tmp_path / CONFIG).read_text()) | {key: value}))
    refuses(llama, tmp_path)


def test_an_unknown_method_is_a_setting_error_with_a_suggestion(llama):
    with pytest.raises(SettingError) as caught:
        attach("lorra", llama, OPTIONS, PROMPT)
    assert "'lora'" in caught.value.do


def test_lora_starts_as_the_base(base):
    ids = [[0, 21, 33, 47, 30]]
    untouched = logits(base, None, ids)
    method = attach("lora", base, OPTIONS, PROMPT)
    assert torch.equal(logits(base, method, ids), untouched)
    method.detach()


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gpt2", "gemma2"])
def test_lora_merged_equals_unmerged(kind, bases_folder):
    base = make_base(kind, bases_folder / f"merged-{kind}")
    ids = [[0, 21, 33, 47, 30, 5, 17]]
    method = attach("lora", base, OPTIONS, PROMPT)
    noise(method, 0.1)
    apart = logits(base, method, ids)
    method.merge()
    assert not any("lora" in name or name.endswith((".a", ".b")) for name in base.model.state_dict())
    assert torch.allclose(logits(base, None, ids), apart, atol=1e-5, rtol=1e-5)
    assert weight_hash(base.model) != base.hash


def test_lora_dropout_only_in_training(llama):
    method = attach("lora", llama, OPTIONS | {"dropout": 0.5}, PROMPT)
    noise(method)
    ids = [[0, 21, 33, 47]]
    still = logits(llama, method, ids)
    assert torch.equal(logits(llama, method, ids), still)
    method.train_mode(True)
    assert not torch.equal(logits(llama, method, ids), logits(llama, method, ids))
    method.train_mode(False)
    assert torch.equal(logits(llama, method, ids), still)
    method.detach()


@pytest.mark.parametrize(("targets", "layers"), [("mlp", ("gate_proj", "up_proj", "down_proj", "c_fc")),
                                                 ("attention", ("q_proj", "k_proj", "v_proj", "o_proj", "c_attn"))])
def test_lora_may_add_to_one_kind_of_block_only(targets, layers, any_base):
    method = attach("lora", any_base, OPTIONS | {"targets": targets}, PROMPT)
    assert method.targets and all("mlp" in name if targets == "mlp" else "attn" in name for name in method.targets)
    assert any(name.endswith(layers) for name in method.targets) and set(method.targets) < set(any_base.linears)
    assert method.count == method.expected_count()
    method.detach()


def test_targets_that_nothing_means_are_refused(llama):
    with pytest.raises(SettingError, match="all, mlp or attention"):
        attach("lora", llama, OPTIONS | {"targets": "mpl"}, PROMPT)


def test_rank_stabilised_lora_divides_by_the_root_of_the_rank(llama, tmp_path):
    method = attach("lora", llama, OPTIONS | {"rank": 4, "alpha": 6, "rslora": True}, PROMPT)
    assert next(iter(method._wrapped.values())).scale == pytest.approx(6 / 4 ** 0.5)
    noise(method)
    expected = logits(llama, method, [[0, 21, 33, 47]])
    method.save(tmp_path)  # as a plain scale, which every server computes
    method.detach()
    again = attach_saved(llama, tmp_path)
    assert torch.allclose(logits(llama, again, [[0, 21, 33, 47]]), expected, atol=1e-6)
    again.detach()


@pytest.mark.parametrize("tokens", [1, 5, 24])
def test_prefix_starts_as_the_base_prompted_with_its_tokens(tokens, any_base):
    """P + ids through the base is the yardstick, ragged rows and a prefix longer than the sliding window included."""
    base = any_base
    prompt = [base.renderer.start[0], *torch.randint(20, 300, (tokens - 1,)).tolist()]
    method = attach("prefix", base, OPTIONS | {"prefix_tokens": tokens}, [*prompt, 99, 98])
    assert method.context_tokens == tokens
    ragged = rows(base, 5)
    assert len({len(row.ids) for row in ragged}) > 1
    started = row_nats(base, method, ragged)
    for row, nats in zip(ragged, started.tolist(), strict=True):
        alone = replace(row, ids=(*prompt, *row.ids), first=row.first + tokens)
        assert nats / row.targets == pytest.approx(row_nats(base, None, [alone]).item() / row.targets, abs=1e-5)
    started.sum().backward()
    grad = method.tensors["prompt_embeddings"].grad.view(tokens, -1, 2)
    assert (grad.abs().sum((1, 2)) > 0).all()


def test_prefix_gradient_is_the_derivative(llama):
    method = attach("prefix", llama, OPTIONS, PROMPT)
    row = [Row((0, 21, 33, 47, 30, 5, 17), 2, 0)]
    row_nats(llama, method, row).sum().backward()
    tensor = method.tensors["prompt_embeddings"]
    along = torch.randn(tensor.shape) / 10
    with torch.no_grad():
        ends = []
        for sign in (1, -1):
            tensor.add_(sign * 1e-2 * along)
            ends.append(row_nats(llama, method, row).item())
            tensor.sub_(sign * 1e-2 * along)
    assert (ends[0] - ends[1]) / 2e-2 == pytest.approx((tensor.grad * along).sum().item(), rel=0.02, abs=2e-3)


@pytest.mark.parametrize("sites", [[], [(2, 8)], [(2, 8), (2, 16)], [(2, 8), (4, 8)]])
def test_prefix_refuses_a_base_whose_layers_it_cannot_cover(sites, llama, monkeypatch):
    monkeypatch.setitem(llama.__dict__, "kv_sites", sites)
    with pytest.raises(BaseModelError, match="--method lora"):
        Prefix.from_prompt(llama, PROMPT)


def test_prefix_refuses_a_hybrid_of_convolution_and_attention(tmp_path):
    from made_bases import CONTEXT, tokenizer_object
    from transformers import Lfm2Config, Lfm2ForCausalLM

    from adtune.engine.bases import load_base
    from adtune.pretrain.tokenizer import save_tokenizer

    Lfm2ForCausalLM(Lfm2Config(vocab_size=400, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                               num_key_value_heads=2, max_position_embeddings=CONTEXT, layer_types=["conv", "full_attention"],
                               bos_token_id=None, eos_token_id=0, pad_token_id=1)).save_pretrained(tmp_path)
    save_tokenizer(tokenizer_object(), tmp_path, CONTEXT)
    base = load_base(str(tmp_path))
    with pytest.raises(BaseModelError, match="--method lora"):
        attach("prefix", base, OPTIONS, PROMPT)
    method = attach("lora", base, OPTIONS, PROMPT)
    assert train(base, method)[-1] > 0
    method.detach()
    assert weight_hash(base.model) == base.hash


def test_prefix_needs_a_token(llama):
    with pytest.raises(BaseModelError):
        attach("prefix", llama, OPTIONS | {"prefix_tokens": 0}, PROMPT)
