"""What is checked of a base before it is trusted: its files before a weight is read, its weights before anything runs through them.

No code of a base runs, no pickle is opened, nothing is asked on the terminal.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import yaml
from transformers import AutoModelForCausalLM

from ..errors import BaseModelError
from .weight_files import BASE_HEADER, FLOATS, Entry, read_header, read_object, refusal

if TYPE_CHECKING:
    from ..voice.prompt import Renderer

INDEX = "model.safetensors.index.json"
TOKENIZER_BYTES, INDEX_BYTES = 256 * 2**20, 64 * 2**20
LAYERS = {"num_hidden_layers", "num_layers", "n_layer", "n_layers", "num_decoder_layers"}
# what a configuration may ask to be built piece by piece, before its weights are looked at
MOST = {"num_experts": 4096, "num_local_experts": 4096, "n_routed_experts": 4096, "num_labels": 10_000}
CONTEXT_WORDS = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length", "seq_length")
UNSAID_CONTEXT = 1024
CARD_CHARACTERS = 65_536
_NUMBER = re.compile(r"\.\d+\.")


def check_settings(folder: Path) -> dict[str, Any]:
    """config.json of a base that brings no code of its own. Raises BaseModelError."""
    if not (folder / "config.json").is_file():
        raise BaseModelError(f"--base {folder}", "a folder without config.json", "a Hugging Face model folder",
                             "Point to the folder that holds config.json and model.safetensors.")
    config = read_object(folder / "config.json")
    for name in ("config.json", "tokenizer_config.json"):
        settings = config if name == "config.json" else read_object(folder / name, TOKENIZER_BYTES) if (folder / name).is_file() else {}
        if any("auto_map" in part for part in _parts(settings)):
            raise BaseModelError(f"{folder / name}", "`auto_map`: a model that brings its own code", "a built-in architecture",
                                 "adtune never runs a model's own code. Choose a base that transformers supports by itself.")
    if (folder / "tokenizer.json").is_file() and (folder / "tokenizer.json").stat().st_size > TOKENIZER_BYTES:
        raise refusal(folder / "tokenizer.json", "a file of more than 256 MB", "a tokenizer")
    return config


def _parts(settings: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The settings and all objects inside them."""
    todo: list[Any] = [settings]
    while todo:
        one = todo.pop()
        if isinstance(one, Mapping):
            yield one
            todo.extend(one.values())
        elif isinstance(one, list):
            todo.extend(one)


def check_weights(folder: Path, config: Mapping[str, Any]) -> dict[str, Entry]:
    """The headers of all weights, whole and in this folder, for a configuration that they can fill. Raises BaseModelError."""
    found: dict[str, Entry] = {}
    for path in _weight_files(folder):
        for name, entry in read_header(path, BASE_HEADER).items():
            if name in found:
                raise refusal(path, f"the tensor {name[:100]} for the second time", "each tensor once")
            found[name] = entry
    for part in _parts(config):
        for word, value in part.items():
            most = len(found) if word in LAYERS else MOST.get(word)
            if most is not None and type(value) is int and not 0 <= value <= most:
                raise refusal(folder / "config.json", f"{word} = {value}", f"{word} from 0 to {most}, as the weights have it")
    return found


def _weight_files(folder: Path) -> list[Path]:
    """model.safetensors, or the shards that the index names."""
    if (folder / "model.safetensors").is_file():
        return [folder / "model.safetensors"]
    if not (folder / INDEX).is_file():
        found = ", ".join(sorted(p.name for p in folder.iterdir())[:6])
        raise BaseModelError(f"--base {folder}", found or "an empty folder", f"weights as model.safetensors or {INDEX} with its shards",
                             "Pickled weights (.bin, .pt) are not opened. Convert them to safetensors first.")
    shards = read_object(folder / INDEX, INDEX_BYTES).get("weight_map")
    names = set(shards.values()) if isinstance(shards, dict) and all(isinstance(v, str) for v in shards.values()) else set()
    if not names:
        raise refusal(folder / INDEX, "no weight_map of file names", "an index of shards")
    for name in sorted(names):
        if name != Path(name).name or "\\" in name or not name.endswith(".safetensors"):
            raise refusal(folder / INDEX, f"the shard {name[:100]!r}", "names of safetensors files in the same folder")
        if not (folder / name).is_file():
            raise refusal(folder / name, "no such file, which the index names", "every shard of the base")
    return [folder / name for name in sorted(names)]


def check_shapes(folder: Path, config: Any, found: Mapping[str, Entry]) -> None:
    """Names and shapes against the model that the configuration describes, built without memory. Raises BaseModelError."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    for name, tensor in model.state_dict().items():
        if name not in found:
            continue  # another spelling or tied: loading knows those, and names what is missing
        if found[name].shape != tuple(tensor.shape):
            raise refusal(folder, f"the tensor {name} of shape {found[name].shape}", f"shape {tuple(tensor.shape)}, as config.json says")
        if tensor.is_floating_point() and found[name].dtype not in FLOATS:
            raise BaseModelError(str(folder), f"the tensor {name} as {found[name].dtype}: a quantised base",
                                 "weights as " + ", ".join(FLOATS), "Name the base that it was made from.")
    parameters = dict(model.named_parameters())
    asked, held = sum(p.numel() for p in parameters.values()), sum(entry.count for entry in found.values())
    if asked > 1.01 * held + 1024:
        missing = next((name for name in sorted(parameters) if name not in found), "none")
        raise refusal(folder, f"weights for {held:,} of {asked:,} parameters; the first one missing is {missing}",
                      "the weights that config.json describes")


def check_leftovers(folder: Path, unexpected: Iterable[str], model: torch.nn.Module) -> None:
    """No weights of a layer that the configuration leaves out. Other weights that a model does not use are its own affair."""
    known = {_NUMBER.sub(".N.", name) for name, _ in model.named_parameters()}
    odd = next((name for name in sorted(unexpected) if _NUMBER.sub(".N.", name) in known), None)
    if odd:
        raise refusal(folder, f"the tensor {odd[:100]}, which config.json leaves out", "a config.json of as many layers as the weights")


def check_values(name: str, model: torch.nn.Module) -> None:
    """Every weight is a finite number. Raises BaseModelError."""
    for key, tensor in model.state_dict().items():
        if tensor.is_floating_point() and tensor.numel() and not all(torch.isfinite(end) for end in tensor.aminmax()):
            raise BaseModelError(f"--base {name}", f"values in {key} that are not finite", "finite numbers", "Download the base again.")


def check_vocabulary(name: str, model: torch.nn.Module, renderer: Renderer) -> None:
    """Every id that the tokenizer can write has a row of the embedding. A larger embedding is fine. Raises BaseModelError."""
    rows, tokenizer = model.get_input_embeddings().weight.shape[0], renderer.tokenizer
    special = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    written = {*(i for i in tokenizer.get_vocab().values() if i not in special), *renderer.start, *renderer.end}
    if renderer.chat:
        from ..records import Brief

        written |= set(renderer.brief(Brief("x")))
    if max(written) >= rows:
        raise BaseModelError(f"--base {name}", f"a tokenizer of {max(written) + 1:,} ids", f"at most {rows:,}, the rows of the embedding",
                             "The tokenizer belongs to another model. Take the base's own.")


@contextlib.contextmanager
def stdout_kept() -> Iterator[None]:
    """What a library prints below Python goes to stderr for as long as the block runs: stdout belongs to the answer."""
    try:
        sys.stdout.flush()
        kept = os.dup(1)
    except (OSError, ValueError, AttributeError):  # no stdout to keep
        yield
        return
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def context_of(model: Any, tokenizer: Any) -> int:
    """Longest sequence in tokens: what the configuration says, as trained (rotary scaling is not counted on top)."""
    config = model.config.get_text_config()
    said = next((int(value) for word in CONTEXT_WORDS if (value := getattr(config, word, None))), None)
    most = getattr(tokenizer, "model_max_length", None) or 0
    return said or (int(most) if most < 10**7 else UNSAID_CONTEXT) or UNSAID_CONTEXT


def licence_of(folder: Path) -> str | None:
    """The licence that the base's card states in its YAML header, with its own name where it is `other`; None where it says nothing."""
    card = folder / "README.md"
    if not card.is_file():
        return None
    with card.open(encoding="utf-8", errors="replace") as file:
        head = file.read(CARD_CHARACTERS).lstrip("\ufeff")
    if not head.startswith("---"):
        return None
    try:
        said = yaml.safe_load(head[3:].partition("\n---")[0])
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    if not isinstance(said, dict):
        return None
    licence, own = (said.get(word) for word in ("license", "license_name"))
    if isinstance(licence, list):
        licence = ", ".join(str(one)[:100] for one in licence[:5])
    if not isinstance(licence, str) or not licence.strip():
        return None
    named = isinstance(own, str) and own.strip() and licence.strip().lower() == "other"
    return f"{own.strip()[:100]} (other)" if named else licence.strip()[:100]  # type: ignore[union-attr]
