"""Recipes of other tools as settings of `adtune tune`: Axolotl and LLaMA-Factory YAML, OpenAI hyperparameters, or our own names.

A key becomes a setting, or is named with what happens to it: nothing of a recipe is passed over in silence, and a value that cannot
hold is an error. Rows of a batch are not tokens of a batch: they are converted only where the recipe packs its rows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..errors import InputError, SettingError
from ..settings import TuneSettings

RECIPE_BYTES = 1_000_000
LEAST_EVALUATIONS = 8
OURS = {field.name: str(field.type) for field in fields(TuneSettings)}

# Keys that are settings of ours, by tool; the conversion gives None where the key says "as you like".
AXOLOTL = {"base_model": "base", "lora_r": "rank", "lora_alpha": "alpha", "lora_dropout": "dropout", "num_epochs": "epochs",
           "learning_rate": "rate", "seed": "seed", "warmup_ratio": "warmup_share", "max_grad_norm": "clip",
           "sequence_len": "window_tokens", "early_stopping_patience": "patience", "num_virtual_tokens": "prefix_tokens",
           "peft_use_rslora": "rslora"}
FACTORY = {"model_name_or_path": "base", "lora_rank": "rank", "lora_alpha": "alpha", "lora_dropout": "dropout",
           "num_train_epochs": "epochs", "learning_rate": "rate", "seed": "seed", "warmup_ratio": "warmup_share", "max_grad_norm": "clip",
           "cutoff_len": "window_tokens", "use_rslora": "rslora"}
OPENAI = {"n_epochs": "epochs", "seed": "seed"}

DATA = "not a setting: the data comes from `adtune import` and `adtune curate`"
OWN_WAY = "not used: the engine decides it by measuring"
PLACE = "not used: runs and adapters live in the workspace"
LEFT_OUT = {
    **dict.fromkeys(("datasets", "dataset", "dataset_dir", "eval_dataset", "test_datasets", "dataset_prepared_path", "training_file",
                     "validation_file", "val_set_size", "val_size", "max_samples", "type", "template", "chat_template", "train_on_inputs",
                     "overwrite_cache", "preprocessing_num_workers", "mix_strategy", "shuffle_merged_datasets"), DATA),
    **dict.fromkeys(("output_dir", "overwrite_output_dir", "save_steps", "saves_per_epoch", "save_strategy", "save_total_limit",
                     "save_only_model", "resume_from_checkpoint", "auto_resume_from_checkpoints", "hub_model_id", "push_to_hub", "suffix",
                     "logging_steps", "plot_loss", "report_to", "wandb_project", "wandb_entity", "wandb_name", "wandb_run_id",
                     "wandb_watch", "wandb_log_model", "mlflow_tracking_uri", "integrations", "metadata"), PLACE),
    **dict.fromkeys(("gradient_checkpointing", "gradient_checkpointing_kwargs", "flash_attention", "flash_attn", "sdp_attention",
                     "xformers_attention", "attn_implementation", "sample_packing", "eval_sample_packing", "pad_to_sequence_len", "packing",
                     "neat_packing", "torch_compile", "group_by_length", "tf32", "dataloader_num_workers", "ddp_timeout", "deepspeed",
                     "fsdp", "fsdp_config", "use_unsloth", "enable_liger_kernel", "plugins", "liger_kernel", "liger_rope",
                     "eval_steps", "eval_strategy", "evaluation_strategy", "eval_batch_size", "per_device_eval_batch_size",
                     "load_best_model_at_end", "metric_for_best_model", "lora_mlp_kernel", "lora_qkv_kernel", "lora_o_kernel"), OWN_WAY),
    **dict.fromkeys(("model_type", "tokenizer_type", "is_llama_derived_model", "special_tokens", "tokens", "strict", "do_train", "do_eval",
                     "ddp_find_unused_parameters", "debug", "model"), "not used: read from the base itself, or given with --base"),
    "trust_remote_code": "refused: adtune never runs code that comes with a model",
    "weight_decay": "not used: adtune trains without weight decay",
    "warmup_steps": "not used: the warm-up is a share of the steps; set warmup_share",
    "learning_rate_multiplier": "not used: it multiplies a rate that is not known here; adtune probes the rates of the method",
    "quantization_method": "not used: 4 bits are NF4, 8 bits are torchao's weight-only form",
    "max_steps": "not used: epochs bound a run, and validation ends it",
}
ATTENTION, MLP = {"q_proj", "k_proj", "v_proj", "o_proj"}, {"gate_proj", "up_proj", "down_proj"}
ROWS = "not used: a batch is counted in tokens (batch_tokens), and rows of unknown length are none"
UNCLIPPED = "not used: 0 clips nothing there; adtune clips where its default says"
USED = {"adapter", "finetuning_type", "stage", "bf16", "fp16", "evals_per_epoch", "hyperparameters", "method", "lr_scheduler",
        "lr_scheduler_type", "optimizer", "optim", "micro_batch_size", "gradient_accumulation_steps", "per_device_train_batch_size",
        "lora_target_linear", "lora_target_modules", "lora_target",
        "load_in_4bit", "load_in_8bit", "quantization_bit"}


def read_recipe(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """(TuneSettings by name, what happens to each key that is none) of a recipe in YAML or JSON.

    Raises InputError for a file that cannot be read or is no recipe of supervised fine-tuning, SettingError for a value that a setting
    cannot hold.
    """
    recipe = _read(path)
    tool = _tool(recipe)
    if tool is None:
        raise InputError(f"--recipe {path}", f"the keys {', '.join(map(str, list(recipe)[:8])) or 'none'}",
                         "a recipe of Axolotl, LLaMA-Factory or OpenAI, or settings of adtune", "Name another file.")
    convert, names = {"LLaMA-Factory": (_factory, FACTORY), "Axolotl": (_axolotl, AXOLOTL), "OpenAI": (_openai, OPENAI),
                      "adtune": (_ours, OURS)}[tool]
    made, left = convert(recipe, path)
    if tool != "adtune" and made.get("clip") == 0:
        made["clip"], left["max_grad_norm"] = None, UNCLIPPED
    settings = {name: _typed(path, name, value, left) for name, value in made.items() if value is not None}
    for key in map(str, recipe):
        if key not in left and key not in names and (key not in USED or tool == "adtune"):
            left[key] = LEFT_OUT.get(key, "unknown to adtune; nothing is done with it")
    return settings, left


def _tool(recipe: Mapping[Any, Any]) -> str | None:
    """Whose recipe it is, by the keys that no other has."""
    marks = {"LLaMA-Factory": {"model_name_or_path", "finetuning_type", "stage", "cutoff_len", "num_train_epochs"},
             "Axolotl": {"base_model", "adapter", "sequence_len", "micro_batch_size", "num_epochs", "lora_r"},
             "OpenAI": {"hyperparameters", "n_epochs", "learning_rate_multiplier", "training_file"}, "adtune": set(OURS)}
    if isinstance(recipe.get("method"), dict):
        return "OpenAI"
    return next((tool for tool, known in marks.items() if known & recipe.keys()), None)


def recipe_notes(path: Path, left: Mapping[str, str]) -> list[str]:
    """One line for each key of a recipe that became no setting."""
    return [f"{path.name}: {key} is {what}" if what.startswith(("not ", "refused", "unknown")) else f"{path.name}: {key}: {what}"
            for key, what in left.items()]


def _ours(recipe: dict[str, Any], path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    return {key: value for key, value in recipe.items() if key in OURS}, {}


def _axolotl(recipe: dict[str, Any], path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    made = {ours: recipe[key] for key, ours in AXOLOTL.items() if key in recipe}
    left: dict[str, str] = {}
    adapter = recipe.get("adapter") or "full"
    if adapter not in ("lora", "qlora", "prefix", "full", "none"):
        raise _impossible(path, "adapter", adapter, "lora, qlora, prefix or none")
    if "adapter" in recipe or "base_model" in recipe:
        made["method"] = {"qlora": "lora", "none": "full"}.get(adapter, adapter)
    if recipe.get("rl"):
        raise _impossible(path, "rl", recipe["rl"], "supervised fine-tuning")
    _common(recipe, path, made, left)
    packed = recipe.get("sequence_len") if recipe.get("sample_packing") else None
    _batch(recipe, path, made, left, ("micro_batch_size", "gradient_accumulation_steps", packed))
    return made, left


def _factory(recipe: dict[str, Any], path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    if recipe.get("stage", "sft") != "sft":
        raise _impossible(path, "stage", recipe["stage"], "sft: supervised fine-tuning")
    made = {ours: recipe[key] for key, ours in FACTORY.items() if key in recipe}
    left: dict[str, str] = {}
    method = recipe.get("finetuning_type", "lora")
    if method not in ("lora", "full"):
        raise _impossible(path, "finetuning_type", method, "lora or full")
    made["method"] = method
    if "lora_rank" in recipe and "lora_alpha" not in recipe:
        made["alpha"] = 2 * _number(path, "lora_rank", recipe["lora_rank"])   # as LLaMA-Factory does
    _common(recipe, path, made, left)
    packed = recipe.get("cutoff_len") if recipe.get("packing") or recipe.get("neat_packing") else None
    _batch(recipe, path, made, left, ("per_device_train_batch_size", "gradient_accumulation_steps", packed))
    return made, left


def _openai(recipe: dict[str, Any], path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    method = recipe.get("method") if isinstance(recipe.get("method"), dict) else {}
    kind = method.get("type", "supervised")
    if kind != "supervised":
        raise _impossible(path, "method.type", kind, "supervised")
    inner = method.get("supervised") if isinstance(method.get("supervised"), dict) else {}
    said = {**recipe, **(recipe.get("hyperparameters") or {}), **(inner.get("hyperparameters") or {})}
    made = {ours: None if said[key] == "auto" else said[key] for key, ours in OPENAI.items() if key in said}
    left = {}
    for key in ("batch_size", "learning_rate_multiplier"):
        if said.get(key) not in (None, "auto"):
            left[key] = LEFT_OUT.get(key, ROWS)
    if "model" in recipe:
        left["model"] = f"'{str(recipe['model'])[:60]}' cannot be had; name a base with --base"
    nested = {*(recipe.get("hyperparameters") or {}), *(inner.get("hyperparameters") or {})}
    left.update({key: "unknown to adtune; nothing is done with it" for key in nested - {*OPENAI, "batch_size", "learning_rate_multiplier"}})
    return made, left


def _common(recipe: dict[str, Any], path: Path, made: dict[str, Any], left: dict[str, str]) -> None:
    """Precision, schedule, optimiser and evaluations, which YAML recipes share."""
    if recipe.get("bf16") is not None:
        half = {"auto": "auto", "full": "bf16", "true": "bf16", "false": "auto" if recipe.get("fp16") else "fp32"}
        made["precision"] = half.get(str(recipe["bf16"])[:8].lower(), "auto")
    if recipe.get("fp16") is True:
        left["fp16"] = "not used: half precision loses small updates; precision is auto (bf16 where the machine is faster with it)"
    for key in ("lr_scheduler", "lr_scheduler_type"):
        if key in recipe and recipe[key] != "cosine":
            left[key] = f"'{str(recipe[key])[:40]}' is not used: the rate warms up and falls as a cosine"
    for key in ("optimizer", "optim"):
        if key in recipe and "adamw" not in str(recipe[key])[:60]:
            left[key] = f"'{str(recipe[key])[:40]}' is not used: the optimiser is AdamW"
    bits = recipe.get("quantization_bit")
    if bits == 4 or recipe.get("load_in_4bit") is True or recipe.get("adapter") == "qlora":
        made["quantise"] = "int4"
    elif bits == 8 or recipe.get("load_in_8bit") is True:
        made["quantise"] = "int8"
    elif bits is not None:
        left["quantization_bit"] = f"{str(bits)[:20]} is not used: a frozen base has 4, 8 or all of its bits"
    _targets(recipe, made, left)
    if "evals_per_epoch" in recipe:
        epochs = _number(path, "epochs", made.get("epochs", TuneSettings().epochs))
        wanted = math.ceil(_number(path, "evals_per_epoch", recipe["evals_per_epoch"]) * epochs)
        made["evaluations"] = max(LEAST_EVALUATIONS, wanted)
        if wanted < LEAST_EVALUATIONS:
            left["evals_per_epoch"] = f"raised to {LEAST_EVALUATIONS} evaluations a run"


def _targets(recipe: dict[str, Any], made: dict[str, Any], left: dict[str, str]) -> None:
    """The linear layers that LoRA adds to: all, those of attention or those of the MLP; a part of a group takes the whole of it."""
    if recipe.get("lora_target_linear"):
        made["targets"] = "all"
    for key in ("lora_target_modules", "lora_target"):
        said = recipe.get(key)
        names = {str(one).strip() for one in (said.split(",") if isinstance(said, str) else said if isinstance(said, list) else ())}
        if not names:
            continue
        groups = [group for group, members in (("attention", ATTENTION), ("mlp", MLP)) if names & members]
        if names & {"all", "all-linear"}:
            made["targets"] = "all"
        elif names <= ATTENTION | MLP:
            made["targets"] = groups[0] if len(groups) == 1 else "all"
            if names not in (ATTENTION, MLP, ATTENTION | MLP):
                left[key] = f"taken as targets = {made['targets']}: LoRA adds to all layers of a group"
        else:
            left[key] = "not used: its layers are no group that is known; see the setting targets"


def _batch(recipe: dict[str, Any], path: Path, made: dict[str, Any], left: dict[str, str], keys: tuple[str, str, Any]) -> None:
    """Tokens of a step and of a forward pass: rows times the tokens of a packed row; None of them where rows are not packed."""
    rows_key, steps_key, row_tokens = keys
    if row_tokens is None:
        left.update({key: ROWS for key in (rows_key, steps_key) if key in recipe})
        return
    rows, steps, tokens = (int(_number(path, key, value)) for key, value in (
        (rows_key, recipe.get(rows_key, 1)), (steps_key, recipe.get(steps_key, 1)), ("sequence length", row_tokens)))
    made |= {"micro_tokens": rows * tokens, "batch_tokens": rows * steps * tokens}


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"--recipe {path}", error.strerror or str(error), "a recipe in YAML or JSON", "Check the name.") from None
    if len(raw) > RECIPE_BYTES:
        raise InputError(f"--recipe {path}", f"{len(raw):,} bytes", "a recipe of at most 1 MB", "Name the recipe, not the data.")
    try:
        text = raw.decode("utf-8-sig")
        recipe = json.loads(text) if path.suffix.lower() == ".json" else yaml.safe_load(text)
    except (UnicodeDecodeError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"--recipe {path}", f"no YAML or JSON ({reason})", "a recipe in YAML or JSON", "Mend the file.") from None
    if not isinstance(recipe, dict):
        raise InputError(f"--recipe {path}", "no mapping of keys to values", "a recipe in YAML or JSON", "Name another file.")
    return recipe


def _typed(path: Path, name: str, value: Any, left: dict[str, str]) -> Any:
    """The value as its setting has it. YAML reads `2e-4` as a word, and `3.0` epochs are three."""
    wanted = OURS[name].replace(" | None", "")
    if wanted in ("int", "float"):
        number = _number(path, name, value)
        if wanted == "float":
            return float(number)
        if number != int(number):
            left[name] = f"{value} is rounded up to {math.ceil(number)}"
        return math.ceil(number)
    checks: dict[str, Callable[[Any], bool]] = {"bool": lambda one: isinstance(one, bool), "str": lambda one: isinstance(one, str)}
    if not checks.get(wanted, lambda one: True)(value):
        raise _impossible(path, name, value, f"a value of type {wanted}")
    return value


def _number(path: Path, name: str, value: Any) -> float:
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _impossible(path, name, value, "a number")
    return number


def _impossible(path: Path, key: str, value: Any, expected: str) -> SettingError:
    return SettingError(f"--recipe {path.name}", f"{key} = {str(value)[:60]!r}", expected, f"Change {key} in the recipe.")
