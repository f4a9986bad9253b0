"""Model folders that are hostile or wrong on purpose, made from good ones: name -> the folder's files.

Used by gate_models.py and by the tests. A value of bytes is a file; None takes a file away; a callable makes what is no plain file.
"""

from __future__ import annotations

import io
import json
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Content = bytes | Callable[[Path], None] | None
WEIGHTS, CONFIG, MODEL = "adapter_model.safetensors", "adapter_config.json", "model.safetensors"
# a pickle that would make the file `marker` in the working directory, written by hand: nothing here imports pickle either
BOMB = b"cposix\nsystem\n(S'touch marker'\ntR."


def parts(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """(header, data) of a safetensors file."""
    length = int.from_bytes(raw[:8], "little")
    return json.loads(raw[8:8 + length]), raw[8 + length:]


def joined(header: Any, data: bytes) -> bytes:
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + data


def tensors(header: dict[str, Any]) -> list[str]:
    return [name for name in header if name != "__metadata__"]


def changed(raw: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The file with its header changed."""
    header, data = parts(raw)
    change(header)
    return joined(header, data)


def first(raw: bytes, **values: Any) -> bytes:
    """The file with other values in the header of its first tensor."""
    return changed(raw, lambda header: header[tensors(header)[0]].update(values))


def renamed(raw: bytes, name: str) -> bytes:
    return changed(raw, lambda header: header.update({name: header.pop(tensors(header)[0])}))


def with_value(raw: bytes, value: float) -> bytes:
    header, data = parts(raw)
    return joined(header, struct.pack("<f", value) + data[4:])


def archives() -> dict[str, bytes]:
    """Bombs in what torch and others take for weights."""
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("archive/data.pkl", BOMB)
        archive.writestr("archive/version", b"3")
    with tarfile.open(fileobj=tarred, mode="w") as archive:
        member = tarfile.TarInfo("data.pkl")
        member.size = len(BOMB)
        archive.addfile(member, io.BytesIO(BOMB))
    numpy = b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(128) + BOMB
    return {"pickle": BOMB, "pickle in a zip": zipped.getvalue(), "pickle in a tar": tarred.getvalue(), "numpy objects": numpy,
            "a model of llama.cpp": b"GGUF" + bytes(64), "pickle with a header": struct.pack("<Q", len(BOMB)) + BOMB}


def adapters(good: Mapping[str, bytes]) -> dict[str, dict[str, Content]]:
    """Adapter folders that must be refused, from a good LoRA folder."""
    raw, config = good[WEIGHTS], json.loads(good[CONFIG])
    header, data = parts(raw)
    names = tensors(header)

    def settings(**values: Any) -> dict[str, Content]:
        return {CONFIG: json.dumps(config | values).encode()}

    many = b"{" + b",".join(b'"t%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}' % n for n in range(100_000)) + b"}"
    shapes = {"floats as sizes": [4.0, 32.0], "words as sizes": ["4", "32"], "true as a size": [True, 32], "a negative size": [-4, -32],
              "a size beyond every memory": [2**62, 2**62], "no size": None, "too many sizes": [1] * 40 + [128], "turned sizes": [32, 4]}
    places = {"places backwards": [512, 0], "places before the beginning": [-512, 0], "places beyond the end": [10**9, 10**9 + 512],
              "one place": [0], "places of words": ["0", "512"], "overlapping places": [4, 516]}
    found: dict[str, dict[str, Content]] = {
        "empty": {WEIGHTS: b""}, "eight zeros": {WEIGHTS: bytes(8)}, "no header": {WEIGHTS: bytes(4000)},
        "a header beyond the file": {WEIGHTS: struct.pack("<Q", 2**40) + raw[8:]},
        "a header beyond every file": {WEIGHTS: b"\xff" * 8 + raw[8:]},
        "a header of no JSON": {WEIGHTS: joined(b"{nonsense", data)}, "a header of a list": {WEIGHTS: joined([header], data)},
        "a deep header": {WEIGHTS: joined(b"[" * 200_000, data)},
        "a header of 9 MB": {WEIGHTS: joined(json.dumps(header).encode() + b" " * 9_000_000, data)},
        "a hundred thousand names": {WEIGHTS: joined(many, b"")}, "a long name": {WEIGHTS: renamed(raw, "x" * 1_000_000)},
        "a name twice": {WEIGHTS: joined(json.dumps(header).encode()[:-1] + b', "' + names[0].encode() + b'": ' +
                                         json.dumps(header[names[0]]).encode() + b"}", data)},
        "a huge number": {WEIGHTS: joined(b'{"a": {"dtype": "F32", "shape": [' + b"9" * 5000 + b'], "data_offsets": [0, 0]}}', b"")},
        "notes of no words": {WEIGHTS: changed(raw, lambda h: h.update(__metadata__={"a": 1}))},
        "notes of a list": {WEIGHTS: changed(raw, lambda h: h.update(__metadata__=[]))},
        "data behind the end": {WEIGHTS: raw + bytes(64)}, "half the data": {WEIGHTS: raw[:len(raw) - len(data) // 2]},
        "whole numbers": {WEIGHTS: first(raw, dtype="I32")}, "an unknown kind": {WEIGHTS: first(raw, dtype="F31")},
        "a kind of another size": {WEIGHTS: first(raw, dtype="F64")}, "a kind of a list": {WEIGHTS: first(raw, dtype=["F32"])},
        "more in a tensor": {WEIGHTS: first(raw, extra=1)}, "no numbers": {WEIGHTS: with_value(raw, float("nan"))},
        "endless numbers": {WEIGHTS: with_value(raw, float("inf"))}, "no tensor": {WEIGHTS: joined({}, b"")},
        "a layer that is none": {WEIGHTS: renamed(raw, "base_model.model.model.layers.99.mlp.up_proj.lora_A.weight")},
        "a name that climbs": {WEIGHTS: renamed(raw, "../../../../etc/passwd")},
        "another variant": {WEIGHTS: renamed(raw, "base_model.model.lora_magnitude_vector")},
        "a tensor more": {WEIGHTS: changed(raw, lambda h: h.update(
            more={"dtype": "F32", "shape": [0], "data_offsets": [len(data)] * 2}))},
        **{name: {WEIGHTS: first(raw, shape=shape)} for name, shape in shapes.items()},
        **{name: {WEIGHTS: first(raw, data_offsets=place)} for name, place in places.items()},
        **{name: {WEIGHTS: content} for name, content in archives().items()},
        "no config": {CONFIG: None}, "no weights": {WEIGHTS: None}, "pickled weights only": {WEIGHTS: None, "adapter_model.bin": BOMB},
        "a config of no JSON": {CONFIG: b"{"}, "a config of a list": {CONFIG: b"[]"}, "a deep config": {CONFIG: b'{"a":' * 100_000},
        "a config of 2 MB": {CONFIG: json.dumps(config | {"x": "y" * 2_000_000}).encode()}, "a pickle as config": {CONFIG: BOMB},
        "a config in UTF-16": {CONFIG: json.dumps(config).encode("utf-16")}, "an unknown type": settings(peft_type="IA3"),
        "a type of a list": settings(peft_type=["LORA"]), "no type": settings(peft_type=None), "rank none": settings(r=None),
        "rank 0": settings(r=0), "rank -1": settings(r=-1), "rank 10 billion": settings(r=10**10),
        "another rank": settings(r=config["r"] + 1),
        "rank as a word": settings(r="4"), "rank true": settings(r=True), "no scale": settings(lora_alpha=float("nan")),
        "an endless scale": settings(lora_alpha=float("inf")), "a scale of words": settings(lora_alpha="6"),
        "DoRA": settings(use_dora=True), "saved modules": settings(modules_to_save=["lm_head"]),
        "a prefix": settings(peft_type="PREFIX_TUNING", num_virtual_tokens=4), "a whole model": settings(adtune_type="FULL"),
        "a link to weights": {WEIGHTS: _link("/dev/zero")}, "a link to a file": {CONFIG: _link("/etc/hostname")},
        "weights that are a folder": {WEIGHTS: Path.mkdir}, "weights that are a pipe": {WEIGHTS: lambda path: os.mkfifo(path)},
    }
    return found


def _link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def bases(good: Mapping[str, bytes]) -> dict[str, dict[str, Content]]:
    """Base folders that must be refused, from a good one of Llama's shape."""
    raw, config, words = good[MODEL], json.loads(good["config.json"]), json.loads(good["tokenizer_config.json"])
    header, data = parts(raw)

    def settings(**values: Any) -> dict[str, Content]:
        return {"config.json": json.dumps(config | values).encode()}

    def template(source: str) -> dict[str, Content]:
        return {"chat_template.jinja": source.encode()}

    index = {"weight_map": dict.fromkeys(tensors(header), "../elsewhere.safetensors")}
    return {
        "code of its own": settings(auto_map={"AutoModelForCausalLM": "evil.Model"}), "code inside": settings(text_config={"auto_map": {}}),
        "a tokenizer's code": {"tokenizer_config.json": json.dumps(words | {"auto_map": {"AutoTokenizer": ["evil.T", None]}}).encode()},
        "a billion layers": settings(num_hidden_layers=10**9), "a billion labels": settings(num_labels=10**9),
        "a billion layers inside": settings(text_config={"num_hidden_layers": 10**9}), "width beyond memory": settings(hidden_size=2**24),
        "words beyond memory": settings(vocab_size=2**40), "another width": settings(intermediate_size=50),
        "no layers": settings(num_hidden_layers=-1), "fewer layers": settings(num_hidden_layers=1, layer_types=None),
        "heads of words": settings(num_attention_heads="four"), "an unknown model": settings(model_type="no-such"),
        "no model": settings(model_type=None), "a deep config": {"config.json": b'{"a":' * 100_000}, "a list": {"config.json": b"[]"},
        "no config": {"config.json": None}, "a pickle as config": {"config.json": BOMB},
        "a config of 2 MB": settings(x="y" * 2_000_000),
        "a broken tokenizer": {"tokenizer.json": b"{"}, "no tokenizer": {"tokenizer.json": None},
        "a deep tokenizer": {"tokenizer.json": b'{"model":' * 100_000}, "a pickle as tokenizer": {"tokenizer.json": BOMB},
        "weights without numbers": {MODEL: with_value(raw, float("nan"))}, "endless weights": {MODEL: with_value(raw, float("-inf"))},
        "half the weights": {MODEL: raw[:len(raw) // 2]}, "a tensor missing": {MODEL: renamed(raw, "elsewhere")},
        "whole numbers": {MODEL: first(raw, dtype="I32")},
        "turned weights": {MODEL: first(raw, shape=header[tensors(header)[0]]["shape"][::-1])},
        **{name: {MODEL: content} for name, content in archives().items()},
        "pickled weights only": {MODEL: None, "pytorch_model.bin": BOMB, "model.pt": BOMB, "model.ckpt": BOMB, "model.pt2": BOMB},
        "an index that climbs": {MODEL: None, "model.safetensors.index.json": json.dumps(index).encode()},
        "an index of nothing": {MODEL: None, "model.safetensors.index.json": b"{}"},
        "an index of pickles": {MODEL: None, "pytorch_model.bin": BOMB, "model.safetensors.index.json": json.dumps(
            {"weight_map": {"a": "pytorch_model.bin"}}).encode()},
        "an endless template": template("{% set r = range(90000) %}{% for a in r %}{% for b in r %}{% endfor %}{% endfor %}"),
        "a template that takes all memory": template("{{ 'a' * 10 ** 10 }}"), "a template of no Jinja": template("{% for %}"),
        "a template that walks": template("{{ ''.__class__.__mro__[1].__subclasses__()[0]('touch marker') }}"),
        "weights that are a pipe": {MODEL: lambda path: os.mkfifo(path)}, "weights that never end": {MODEL: _link("/dev/zero")},
    }


def write(folder: Path, good: Mapping[str, bytes], files: Mapping[str, Content]) -> Path:
    """A folder with the good files, but for those that are given."""
    folder.mkdir(parents=True)
    for name, content in {**good, **files}.items():
        if isinstance(content, bytes):
            (folder / name).write_bytes(content)
        elif content is not None:
            content(folder / name)
    return folder
