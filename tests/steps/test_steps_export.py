"""Leaving: what an export holds, that it gives the adapter's own probabilities in other tools, and what is refused with a sentence."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
import transformers

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in ("engine", "voice")]

import made_bases  # noqa: E402
from made_base import sample_file  # noqa: E402
from made_golden import PARTS  # noqa: E402

from adtune.engine import gguf_file, gguf_words  # noqa: E402
from adtune.engine.bases import load_base  # noqa: E402
from adtune.engine.methods import attach, attach_saved  # noqa: E402
from adtune.errors import BaseModelError, InputError, IntegrityError  # noqa: E402
from adtune.settings import TuneSettings  # noqa: E402
from adtune.steps import exporting  # noqa: E402
from adtune.steps.adapters import base_of  # noqa: E402
from adtune.steps.archive import import_archive  # noqa: E402
from adtune.steps.curation import load_dataset  # noqa: E402
from adtune.steps.exporting import export  # noqa: E402
from adtune.tune.card import framework_versions  # noqa: E402
from adtune.workspace import Workspace  # noqa: E402

LLAMA3 = {"rope_type": "llama3", "rope_theta": 10_000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 32}
KINDS = {"llama": ("llama", {}), "llama3": ("llama", {"rope_parameters": LLAMA3}), "qwen3": ("qwen3", {}), "gpt2": ("gpt2", {}),
         "gemma2": ("gemma2", {}), "untied": ("qwen3", {"tie_word_embeddings": False}),
         "linear": ("llama", {"rope_parameters": {"rope_type": "linear", "rope_theta": 10_000.0, "factor": 2.0}}),
         "qwen2": ("Qwen2", {}), "mistral": ("Mistral", {"sliding_window": None})}
peft = pytest.importorskip("peft")
pytestmark = [pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
              pytest.mark.filterwarnings("ignore:fan_in_fan_out is set to False:UserWarning:peft")]


@pytest.fixture(scope="module")
def ws(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    with Workspace.open(folder / "ws") as workspace:
        import_archive(workspace, sample_file(folder / "pieces.jsonl", 20), "Q")
        workspace.bases = folder
        yield workspace


def adapter(ws, kind, method, chat=False, licence="apache-2.0", **chosen):
    """An adapter of random weights on a tiny base, published as `tune` publishes one."""
    folder = ws.bases / f"{kind}-{chat}"
    if not folder.is_dir():
        write_base(kind, folder)
        (folder / "README.md").write_text(f"---\nlicense: {licence}\n---\n", encoding="utf-8")
        if chat:
            template = PARTS["chatml"][0].replace("<|im_start|>", "<|reserved_0|>").replace("<|im_end|>", "<|reserved_1|>")
            (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    base = load_base(str(folder))
    settings = TuneSettings(method=method, rank=4, alpha=6, prefix_tokens=6, **chosen)
    torch.manual_seed(1)
    made = attach(method, base, asdict(settings), [0, 20, 31, 42, 53, 64, 75])
    with torch.no_grad():
        for tensor in made.tensors.values():
            tensor.add_(0.05 * torch.randn(tensor.shape))
    aside = ws.bases / f"{kind}-{method}-{chat}-files"
    shutil.rmtree(aside, ignore_errors=True)
    made.save(aside)
    dataset, held = load_dataset(ws, "Q")
    record = {"client": "Q", "base": base.name, "base_hash": base.hash, "revision": None, "base_licence": base.licence, "starter": False,
              "base_place": base.place, "rendering": base.renderer.describe(), "method": method, "dataset": dataset,
              "dataset_hash": held.hash, "pieces": {"train": 12}, "settings": asdict(settings), "origins": {}, "trainable_parameters": 1,
              "total_parameters": 2, "best": {"validation_loss": 1.0, "step": 1, "epoch": 0.5}, "stopped": "peak", "trained_tokens": 3,
              "lost_tokens": 0, "seconds": 1.0, "frameworks": framework_versions(), "servable": []}
    made.detach()
    return ws.publish("adapter", "Q", {p.name: p for p in sorted(aside.iterdir())}, record, [dataset]), record


def write_base(kind, folder):
    family, changes = KINDS[kind]
    if family in made_bases.SHAPES:
        return made_bases.write_model(family, folder, **changes)
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**(made_bases.PLAIN | {
        "vocab_size": 400, "eos_token_id": 0, "pad_token_id": 1, "bos_token_id": None} | changes))
    model = getattr(transformers, f"{family}ForCausalLM")(config)
    with torch.no_grad():  # biases begin at zero, which would hide one that went to the wrong place
        for name, tensor in model.named_parameters():
            if name.endswith("bias"):
                tensor.normal_()
    model.save_pretrained(folder)
    made_bases.save_tokenizer(made_bases.tokenizer_object(), folder, made_bases.CONTEXT)


def logits(model, ids, cache=None):
    model.eval()
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids]), past_key_values=cache, use_cache=cache is not None).logits.log_softmax(-1)


def of_the_adapter(ws, id, record, ids):
    base = base_of(record)
    method = attach_saved(base, ws.path(id))
    return logits(base.model, ids, method.cache(1))


def near(one, other):
    assert (one - other).abs().max() < 1e-3


IDS = [0, 21, 33, 47, 30, 25, 60, 61, 62]


@pytest.mark.parametrize("kind, method, to", [
    ("llama", "lora", "peft"), ("qwen3", "prefix", "peft"), ("llama", "lora", "merged"), ("qwen3", "full", "merged"),
    ("gpt2", "lora", "merged"), ("llama", "lora", "gguf"), ("llama", "full", "gguf"), ("llama3", "lora", "gguf"), ("qwen3", "lora", "gguf"),
    ("untied", "lora", "gguf"), ("linear", "lora", "gguf"), ("qwen2", "lora", "gguf"), ("mistral", "lora", "gguf")])
def test_an_export_gives_the_adapters_probabilities(kind, method, to, ws, tmp_path):
    id, record = adapter(ws, kind, method)
    done = export(ws, id, to, tmp_path / "out")
    assert done["largest_difference"] < 1e-3 and done["licence"] == "apache-2.0" and done["path"] == str(tmp_path / "out")
    assert {"README.md"} < set(done["files"]) and list(tmp_path.iterdir()) == [tmp_path / "out"]
    assert len({(tmp_path / "out" / name).stat().st_mode for name in done["files"]}) == 1
    library = {"peft": "peft", "merged": "transformers", "gguf": "gguf"}[to]
    assert f"library_name: {library}\n" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    mine = of_the_adapter(ws, id, record, IDS)
    if to == "peft":  # with the library itself, which our own reading back does not use
        near(logits(peft.PeftModel.from_pretrained(base_of(record).model, tmp_path / "out"), IDS), mine)
    elif to == "merged":
        written = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32)
        near(logits(written, IDS), mine)
        assert written.generation_config.eos_token_id == 0
        assert transformers.AutoTokenizer.from_pretrained(tmp_path / "out").vocab_size == 400
    else:
        near(logits(gguf_file.read_gguf(base_of(record), tmp_path / "out" / "model.gguf"), IDS), mine)


def test_a_gguf_file_holds_words_template_and_rotary_settings(ws, tmp_path):
    id, record = adapter(ws, "llama3", "lora", chat=True)
    export(ws, id, "gguf", tmp_path / "out")
    fields, base = gguf_file._fields(tmp_path / "out" / "model.gguf"), base_of(record)
    assert fields["tokenizer.chat_template"] == base.tokenizer.chat_template and fields["general.license"] == "apache-2.0"
    assert base.tokenizer.convert_ids_to_tokens(fields["tokenizer.ggml.eos_token_id"]) == "<|reserved_1|>"
    assert fields["tokenizer.ggml.tokens"][20] == base.tokenizer.convert_ids_to_tokens(20) and len(fields["tokenizer.ggml.tokens"]) == 400
    assert fields["tokenizer.ggml.token_type"][:3] == [3, 3, 3] and fields["llama.context_length"] == 256
    from gguf import GGUFReader

    stretch = next(tensor for tensor in GGUFReader(tmp_path / "out" / "model.gguf").tensors if tensor.name == "rope_freqs.weight").data
    # by the formula of Llama 3.1: short waves stay, waves longer than the old context over `low` turn `factor` times as slowly
    assert stretch[0] == 1 and abs(stretch[-1] - 8) < 1e-3 and len(stretch) == 4


def test_a_chat_base_ends_generation_at_its_turns_end(ws, tmp_path):
    id, _ = adapter(ws, "llama", "lora", chat=True)
    files = export(ws, id, "merged", tmp_path / "out")["files"]
    end = transformers.AutoTokenizer.from_pretrained(tmp_path / "out").convert_tokens_to_ids("<|reserved_1|>")
    assert transformers.GenerationConfig.from_pretrained(tmp_path / "out").eos_token_id == [end, 0]
    assert "chat_template.jinja" in files


@pytest.mark.parametrize("kind, method, to, words", [
    ("qwen3", "prefix", "gguf", "lives in the cache"), ("qwen3", "prefix", "merged", "lives in the cache"),
    ("qwen3", "full", "peft", "--to merged"), ("gemma2", "lora", "gguf", "not for gemma2"), ("gpt2", "lora", "gguf", "not for gpt2"),
    ("llama", "lora", "onnx", "peft, merged, gguf")])
def test_what_cannot_leave_is_refused_with_a_sentence(kind, method, to, words, ws, tmp_path):
    id, _ = adapter(ws, kind, method)
    with pytest.raises((InputError, BaseModelError)) as caught:
        export(ws, id, to, tmp_path / "out")
    assert words in str(caught.value) and list(tmp_path.iterdir()) == []


def test_without_the_library_the_extra_is_named(ws, tmp_path, monkeypatch):
    id, _ = adapter(ws, "llama", "lora")
    monkeypatch.setattr(gguf_file.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BaseModelError, match=r"pip install 'adtune\[gguf\]'"):
        export(ws, id, "gguf", tmp_path / "out")


@pytest.mark.parametrize("to", ["peft", "merged", "gguf"])
def test_an_export_that_reads_back_as_another_model_is_not_shown(to, ws, tmp_path, monkeypatch):
    """Whatever was written, with one weight changed on the way."""
    id, _ = adapter(ws, "llama", "lora")
    real = exporting._Job.score
    seen = []

    def score(job, model, method=None):
        seen.append(model)
        if len(seen) == 2:
            with torch.no_grad():
                next(p for name, p in model.named_parameters() if "o_proj" in name).add_(0.05)
        return real(job, model, method)

    monkeypatch.setattr(exporting._Job, "score", score)
    with pytest.raises(IntegrityError, match="log-probability"):
        export(ws, id, to, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_gguf_file_of_other_numbers_is_refused(ws, tmp_path):
    id, record = adapter(ws, "llama", "lora")
    export(ws, id, "gguf", tmp_path / "out")
    base = base_of(record)
    base.model.config.rms_norm_eps = 1e-3
    with pytest.raises(BaseModelError, match="layer_norm_rms_epsilon"):
        gguf_file.read_gguf(base, tmp_path / "out" / "model.gguf")


@pytest.mark.parametrize("change, words", [
    ({"rope_parameters": {"rope_type": "yarn", "factor": 4.0}}, "yarn"), ({"sliding_window": 16, "use_sliding_window": True}, "slides"),
    ({"hidden_act": "gelu"}, "gelu")])
def test_what_gguf_cannot_say_with_certainty_is_refused(change, words, ws):
    _, record = adapter(ws, "llama", "lora")
    base = base_of(record)
    assert gguf_file.unfit(base) is None
    for name, value in change.items():
        setattr(base.model.config, name, value)
    assert words in gguf_file.unfit(base)


def test_a_tokenizer_that_gguf_cannot_name_is_refused(ws):
    from tokenizers import normalizers, pre_tokenizers

    _, record = adapter(ws, "llama", "lora")
    base = base_of(record)
    texts = ["Pay 1250 pounds by 2025, and not before.", "Well-known words: it's 10 o'clock."]
    assert gguf_words.words_of(base.renderer, 400, texts).apart == 0
    base.tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split("e", "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    with pytest.raises(BaseModelError, match="no rule of GGUF"):
        gguf_words.words_of(base.renderer, 400, texts)
    base.tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()
    assert "Lowercase" in gguf_words.unfit_words(base.tokenizer)
    assert "byte-level" in gguf_words.unfit_words(object())


def test_the_card_holds_the_newest_evaluation(ws, tmp_path):
    id, _ = adapter(ws, "llama", "lora")
    export(ws, id, "peft", tmp_path / "before")
    before = (tmp_path / "before" / "README.md").read_text(encoding="utf-8")
    assert "Not evaluated yet" in before and "license: apache-2.0" in before and "client Q" in before and "transformers" in before
    report = {"held_out": {"loss_base": 4.5, "loss_prompted": 4.25, "loss_tuned": 3.125},
              "on_brand": {"base": 0.25, "prompted": None, "tuned": 0.75},
              "forgetting": {"loss_before": 4.0, "loss_after": 4.125, "delta": 0.125}, "memorised": {"longest_run_words": 6},
              "gates": {"gain": {"passed": True}, "on_brand": {"passed": None}, "forgetting": {"passed": False}}}
    ws.publish("report", "Q", {"report.json": json.dumps(report).encode()}, {"adapter": id, "gates": {}, "passed": True}, [id])
    export(ws, id, "peft", tmp_path / "after")
    card = (tmp_path / "after" / "README.md").read_text(encoding="utf-8")
    assert "| loss, nats per token | 4.5 | 4.25 | 3.125 |" in card and "| on-brand rate | 0.25 | not measured | 0.75 |" in card
    assert "0.125 nats per token" in card and "6 words" in card and "gain passed, on_brand not measured, forgetting FAILED" in card


@pytest.mark.parametrize("licence, lines", [
    ("apache-2.0", ["license: apache-2.0"]), ("llama3.1 (other)", ["license: other", 'license_name: "llama3.1"']),
    ("mit, apache-2.0", ["license: other", 'license_name: "mit, apache-2.0"']),
    ('a"\n: b', ["license: other", "license_name: \"a' : b\""]), (None, [])])
def test_the_cards_header_is_yaml_with_the_bases_licence(licence, lines, ws):
    import yaml

    from adtune.tune.card import adapter_card

    record = adapter(ws, "llama", "lora")[1] | {"base_licence": licence}
    card = adapter_card(record)
    assert all(line in card for line in lines) and ("license" in card.split("---")[1]) == bool(licence)
    assert yaml.safe_load(card.split("---")[1])["library_name"] == "peft"


@pytest.mark.parametrize("what", ["chat template", "tokenizer"])
def test_an_adapter_refuses_a_base_that_renders_otherwise(what, ws):
    _, record = adapter(ws, "qwen3", "lora", chat=True)
    folder = Path(record["base"])
    name = "chat_template.jinja" if what == "chat template" else "tokenizer.json"
    kept = (folder / name).read_text(encoding="utf-8")
    try:
        if what == "tokenizer":
            changed = json.loads(kept)
            changed["model"]["merges"] = changed["model"]["merges"][:-60]
            (folder / name).write_text(json.dumps(changed), encoding="utf-8")
        else:
            (folder / name).write_text(kept + "{{ '!' }}", encoding="utf-8")
        with pytest.raises(BaseModelError, match=f"another {what}"):
            base_of(record)
    finally:
        (folder / name).write_text(kept, encoding="utf-8")
    assert base_of(record).hash == record["base_hash"]


def test_a_base_named_from_another_folder_is_found_again(ws, tmp_path, monkeypatch):
    _, record = adapter(ws, "llama", "lora")
    relative = record | {"base": Path(record["base"]).name}
    monkeypatch.chdir(tmp_path)
    assert base_of(relative).name == relative["base"]
    with pytest.raises(BaseModelError, match="the disk that holds it"):
        base_of(relative | {"base_place": str(tmp_path / "not mounted")})


@pytest.mark.parametrize("what", ["weights", "chat template and tokenizer"])
def test_a_run_is_bound_to_what_its_base_was(what, tmp_path):
    from adtune.steps.tuning import _pin_base

    for _ in range(2):
        _pin_base(tmp_path / "pin", "a" * 64, "my-base", what)
    with pytest.raises(InputError, match=f"{what} aaaaaaaaaaaa…, as the run was started"):
        _pin_base(tmp_path / "pin", "b" * 64, "my-base", what)
    assert [path.name for path in tmp_path.iterdir()] == ["pin"]


def test_settings_do_not_decide_what_serves_it(ws):
    from adtune.engine.servable import servable

    base = base_of(adapter(ws, "qwen3", "lora")[1])
    plain = TuneSettings(method="lora")
    assert servable("lora", plain, base) == servable("lora", replace(plain, dropout=0.1, rate=1e-4), base)


@pytest.mark.parametrize("kind, to", [("int8", "peft"), ("int8", "merged"), ("int4", "peft"), ("int4", "merged")])
def test_an_adapter_of_a_quantised_base_is_held_against_the_whole_base(kind, to, ws, tmp_path, monkeypatch):
    """What an int8 base learned merges within the stated tolerance; beyond it a merge is refused and a PEFT folder says how far."""
    pytest.importorskip("torchao")
    id, record = adapter(ws, "llama", "lora", quantise=kind)
    base = base_of(record)
    assert base.quantised == kind and base.hash == record["base_hash"]  # what evaluate and draft use
    limit = {"int8": exporting.QUANTISED_LIMIT, "int4": 1.0}[kind]  # int4 moves random weights of this spread far more than real ones
    monkeypatch.setattr(exporting, "QUANTISED_LIMIT", limit)
    answer = export(ws, id, to, tmp_path / "out")
    note = next(note for note in answer["notes"] if kind in note)
    apart = float(note.split(" by ")[1].split()[0])
    assert 0 < apart < limit and answer["largest_difference"] < exporting.LIMIT
    assert (tmp_path / "out" / ("adapter_model.safetensors" if to == "peft" else "model.safetensors")).is_file()
    monkeypatch.setattr(exporting, "QUANTISED_LIMIT", apart / 2)
    if to == "peft":
        assert export(ws, id, to, tmp_path / "again")["notes"] == answer["notes"]
    else:
        with pytest.raises(IntegrityError, match="--to peft"):
            export(ws, id, to, tmp_path / "again")
        assert not (tmp_path / "again").exists()


def test_divergence_is_that_of_kullback_and_leibler():
    one, other = (torch.tensor([[[0.5, 0.5]]]).log(), torch.tensor([[[0.9, 0.1]]]).log())
    assert exporting.divergence([one], [one]) == 0
    assert exporting.divergence([one, one], [other, one]) == pytest.approx(0.5 * (0.5 * torch.tensor(0.25 / 0.09).log().item()))
