"""Recipes of other tools: what becomes a setting, and what is said of every other key."""

import json
import textwrap

import pytest

from adtune.errors import InputError, SettingError
from adtune.settings import TuneSettings, resolve
from adtune.steps.archive import import_archive
from adtune.steps.recipe import read_recipe, recipe_notes
from adtune.steps.tuning import tune

AXOLOTL = """
    base_model: Qwen/Qwen3-0.6B
    load_in_4bit: true
    adapter: qlora
    lora_r: 8
    lora_alpha: 16
    lora_dropout: 0.05
    lora_target_linear: true
    datasets:
      - path: posts.jsonl
        type: alpaca
    val_set_size: 0.1
    output_dir: ./out
    sequence_len: 2048
    sample_packing: true
    micro_batch_size: 2
    gradient_accumulation_steps: 4
    num_epochs: 3
    optimizer: adamw_bnb_8bit
    lr_scheduler: linear
    learning_rate: 2e-4
    warmup_ratio: 0.1
    bf16: auto
    gradient_checkpointing: true
    evals_per_epoch: 4
    early_stopping_patience: 2
    weight_decay: 0.01
    seed: 7
    my_own_key: 1
"""
FACTORY = """
    model_name_or_path: some/base
    stage: sft
    do_train: true
    finetuning_type: lora
    lora_target: all
    lora_rank: 8
    dataset: posts
    template: qwen3
    cutoff_len: 1024
    per_device_train_batch_size: 1
    gradient_accumulation_steps: 8
    learning_rate: 1.0e-4
    num_train_epochs: 2.5
    lr_scheduler_type: cosine
    warmup_ratio: 0.1
    bf16: true
"""


@pytest.fixture
def recipe(tmp_path):
    def write(text, name="recipe.yml"):
        path = tmp_path / name
        path.write_text(text if isinstance(text, str) and name.endswith(".json") else textwrap.dedent(text), encoding="utf-8")
        return path

    return write


def test_axolotl(recipe):
    settings, left = read_recipe(recipe(AXOLOTL))
    assert settings == {"base": "Qwen/Qwen3-0.6B", "method": "lora", "rank": 8, "alpha": 16, "dropout": 0.05, "epochs": 3, "seed": 7,
                        "rate": 2e-4, "warmup_share": 0.1, "window_tokens": 2048, "patience": 2, "precision": "auto", "evaluations": 12,
                        "micro_tokens": 4096, "batch_tokens": 16384, "targets": "all", "quantise": "int4"}
    assert set(left) == {"datasets", "val_set_size", "output_dir", "sample_packing",
                         "lr_scheduler", "gradient_checkpointing", "weight_decay", "my_own_key"}
    assert left["my_own_key"].startswith("unknown") and "adtune import" in left["datasets"] and "cosine" in left["lr_scheduler"]
    resolve(TuneSettings, ("recipe", settings))


@pytest.mark.parametrize(("line", "quantise", "left"), [("quantization_bit: 8", "int8", set()), ("quantization_bit: 4", "int4", set()),
                                                        ("quantization_bit: 3", None, {"quantization_bit"}), ("", None, set())])
def test_bits_of_a_frozen_base(line, quantise, left, recipe):
    settings, found = read_recipe(recipe(f"model_name_or_path: some/base\nstage: sft\n{line}\n"))
    assert settings.get("quantise") == quantise and set(found) == left


def test_llama_factory(recipe):
    settings, left = read_recipe(recipe(FACTORY))
    assert settings == {"base": "some/base", "method": "lora", "rank": 8, "alpha": 16, "window_tokens": 1024, "rate": 1e-4, "epochs": 3,
                        "warmup_share": 0.1, "precision": "bf16", "targets": "all"}
    assert set(left) == {"do_train", "dataset", "template", "per_device_train_batch_size", "gradient_accumulation_steps",
                         "epochs"}
    assert left["epochs"] == "2.5 is rounded up to 3" and "tokens" in left["per_device_train_batch_size"]


@pytest.mark.parametrize(("text", "settings", "left"), [
    ({"n_epochs": 3}, {"epochs": 3}, set()),
    ({"hyperparameters": {"n_epochs": "auto", "batch_size": 4, "learning_rate_multiplier": 2, "beta": 1}, "seed": 1, "model": "gpt-4o-mini",
      "training_file": "file-1", "suffix": "acme"}, {"seed": 1},
     {"batch_size", "learning_rate_multiplier", "beta", "model", "training_file", "suffix"}),
    ({"method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}}, {"epochs": 2}, set()),
    ({"rank": 4, "rate": 0.001, "method": "lora", "colour": "red"}, {"rank": 4, "rate": 0.001, "method": "lora"}, {"colour"})])
def test_json(recipe, text, settings, left):
    found = read_recipe(recipe(json.dumps(text), "recipe.json"))
    assert found[0] == settings and set(found[1]) == left
    assert len(recipe_notes(recipe("{}", "recipe.json"), found[1])) == len(left)


@pytest.mark.parametrize(("text", "error", "words"), [
    ("a: [", InputError, "no YAML or JSON"), ("- 1", InputError, "no mapping"), ("x: 1", InputError, "the keys x"),
    ("", InputError, "no mapping"),
    ("base_model: x\nlora_r: many", SettingError, "a number"), ("base_model: x\nlora_r: .nan", SettingError, "a number"),
    ("base_model: 3", SettingError, "type str"), ("base_model: x\nadapter: ia3", SettingError, "lora, qlora"),
    ("base_model: x\nrl: dpo", SettingError, "supervised"), ("stage: dpo", SettingError, "sft"),
    ("finetuning_type: freeze", SettingError, "lora or full"),
    ("a: &a [x]\nb: !!python/object/apply:os.system [ls]", InputError, "no YAML")])
def test_what_is_no_recipe_is_refused(recipe, text, error, words):
    with pytest.raises(error, match=words):
        read_recipe(recipe(text))


def test_preferences_and_missing_files_are_refused(recipe, tmp_path):
    with pytest.raises(SettingError, match="supervised"):
        read_recipe(recipe(json.dumps({"method": {"type": "dpo"}}), "recipe.json"))
    with pytest.raises(InputError, match="Check the name"):
        read_recipe(tmp_path / "none.yml")
    (tmp_path / "big.yml").write_bytes(b" " * 1_000_001)
    with pytest.raises(InputError, match="at most 1 MB"):
        read_recipe(tmp_path / "big.yml")


def test_unpacked_rows_and_few_evaluations_are_told(recipe):
    settings, left = read_recipe(recipe("base_model: x\nmicro_batch_size: 2\nevals_per_epoch: 1\nnum_epochs: 2\nfp16: true\nbf16: false"))
    assert settings == {"base": "x", "method": "full", "epochs": 2, "evaluations": 8, "precision": "auto"}
    assert set(left) == {"micro_batch_size", "evals_per_epoch", "fp16"}


def test_a_norm_of_zero_that_clips_nothing_elsewhere_is_told_and_not_taken(recipe):
    settings, left = read_recipe(recipe("base_model: starter\nadapter: lora\nmax_grad_norm: 0.0\n"))
    assert "clip" not in settings and "0 clips nothing" in left["max_grad_norm"]
    assert read_recipe(recipe("base_model: starter\nadapter: lora\nmax_grad_norm: 0.5\n"))[0]["clip"] == 0.5


@pytest.mark.parametrize(("said", "targets", "told"), [
    ("lora_target_modules: [q_proj, v_proj]", "attention", True), ("lora_target_modules: [gate_proj, up_proj, down_proj]", "mlp", False),
    ("lora_target_modules: all-linear", "all", False), ("lora_target_modules: [q_proj, lm_head]", None, True)])
def test_target_layers(recipe, said, targets, told):
    settings, left = read_recipe(recipe(f"base_model: x\nadapter: lora\npeft_use_rslora: true\n{said}"))
    assert (settings.get("targets"), "lora_target_modules" in left, settings["rslora"]) == (targets, told, True)


def test_a_run_says_that_a_value_came_from_the_recipe(ws, archive, recipe, monkeypatch):
    import_archive(ws, archive(), "acme")
    done = {"stopped": "epochs", "note": "A starter."}
    monkeypatch.setattr("adtune.steps.tuning._execute", lambda *_: dict(done))
    path = recipe("base_model: starter\nadapter: lora\nlora_r: 4\nnum_epochs: 2\noutput_dir: x")
    answer = tune(ws, "acme", {"epochs": 1, "recipe": str(path), "base": None})
    record = ws.runs("acme")[0]["settings"]
    assert (record["settings"]["rank"], record["settings"]["epochs"]) == (4, 1)
    assert [record["origins"][name] for name in ("rank", "epochs", "alpha")] == ["recipe recipe.yml", "option", "default"]
    assert answer["notes"] == ["A starter.", "recipe.yml: output_dir is not used: runs and adapters live in the workspace"]
    with pytest.raises(SettingError, match="recipe recipe.yml: found method = 'loar'"):
        tune(ws, "acme", {"recipe": str(recipe("method: loar"))})
