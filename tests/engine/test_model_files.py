"""Model files from strangers: refused by name, quickly, before a weight is read; nothing in them is ever run."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import json
import sys
import time
from dataclasses import asdict
from functools import cache
from pathlib import Path

import pytest
from made_bases import make_base, write_model

from adtune.engine.bases import load_base
from adtune.engine.methods import attach, attach_saved
from adtune.engine.weight_files import read_header
from adtune.errors import BaseModelError
from adtune.settings import TuneSettings

ROOT = Path(__file__).resolve().parents[2]


def benchmark(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hostile, gate = benchmark("hostile_models"), benchmark("gate_models")
GOOD: dict[str, dict] = {}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A good base folder and a good LoRA folder on it, as bytes; and what is made of them."""
    if not GOOD:
        place = tmp_path_factory.mktemp("good")
        base = make_base("llama", place / "base")
        method = attach("lora", base, asdict(TuneSettings(rank=4, alpha=6)), [])
        method.save(place / "adapter")
        method.detach()
        GOOD.update(base=contents(place / "base"), adapter=contents(place / "adapter"))
        GOOD.update(adapters=hostile.adapters(GOOD["adapter"]), bases=hostile.bases(GOOD["base"]))
    return GOOD


@cache
def made_up(kind):
    """Names of the hand-made folders, without making them."""
    header = {"model.layers.0.q.lora_A.weight": {"dtype": "F32", "shape": [4, 32], "data_offsets": [0, 512]}}
    raw = hostile.joined(header, bytes(512))
    if kind == "adapters":
        return sorted(hostile.adapters({hostile.WEIGHTS: raw, hostile.CONFIG: b'{"r": 4}'}))
    return sorted(hostile.bases({hostile.MODEL: raw, "config.json": b"{}", "tokenizer_config.json": b"{}"}))


def refused(work, tmp_path, monkeypatch):
    """The error of a refusal within a second, with no question asked and nothing run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("builtins.input", lambda *a: pytest.fail("a question was asked"))
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True, "readline": lambda self: pytest.fail("read")})())
    began = time.process_time()
    with pytest.raises(BaseModelError) as caught:
        work()
    assert time.process_time() - began < 1
    assert not (tmp_path / "marker").exists() and "\n" not in str(caught.value) and len(str(caught.value)) < 1200
    return caught.value


def test_fifty_and_more_are_made_by_hand():
    assert len(made_up("adapters")) + len(made_up("bases")) >= 100


@pytest.mark.parametrize("name", made_up("adapters"))
def test_a_hostile_adapter_is_refused(name, good, llama, tmp_path, monkeypatch):
    folder = hostile.write(tmp_path / "adapter", good["adapter"], good["adapters"][name])
    refused(lambda: attach_saved(llama, folder), tmp_path, monkeypatch)


@pytest.mark.parametrize("name", made_up("bases"))
def test_a_hostile_base_is_refused(name, good, tmp_path, monkeypatch):
    folder = hostile.write(tmp_path / "base", good["base"], good["bases"][name])
    refused(lambda: load_base(str(folder)), tmp_path, monkeypatch)


def test_the_good_folders_are_not_refused(good, llama, tmp_path):
    assert load_base(str(hostile.write(tmp_path / "base", good["base"], {}))).hash == llama.hash
    attach_saved(llama, hostile.write(tmp_path / "adapter", good["adapter"], {})).detach()


@pytest.mark.parametrize("method", ["lora", "prefix", "full"])
@pytest.mark.parametrize("other", [{"num_hidden_layers": 3}, {"hidden_size": 48, "head_dim": 12}, {"intermediate_size": 64},
                                   {"num_key_value_heads": 4}])
def test_an_adapter_of_another_base_is_refused_by_what_differs(method, other, llama, tmp_path, monkeypatch):
    theirs = make_base("llama", tmp_path / "theirs", **other)
    made = attach(method, theirs, asdict(TuneSettings(rank=4, prefix_tokens=4)), [0, 20, 30, 40])
    made.save(tmp_path / "adapter")
    made.detach()
    if method == "prefix" and set(other) == {"intermediate_size"}:
        return attach_saved(llama, tmp_path / "adapter").detach()  # the same keys and values: the record's hash tells them apart
    error = refused(lambda: attach_saved(llama, tmp_path / "adapter"), tmp_path, monkeypatch)
    assert "tensor" in str(error) or "layer" in str(error)


PICKLED = ["adapter_model.safetensors", "adapter_config.json", "adapter_model.bin", "adapter_model.pt", "README.md", "chat_template.jinja",
           "tokenizer.json", "tokenizer_config.json", "training_args.bin", "optimizer.pt"]


@pytest.mark.parametrize("inside", ["pickle", "pickle in a zip", "pickle in a tar"])
def test_no_pickle_is_opened_under_any_name(inside, good, llama, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bomb = hostile.archives()[inside]
    names = [*PICKLED, "model.safetensors", "config.json", "generation_config.json", "pytorch_model.bin", "model.pt", "model.ckpt",
             "model.pkl", "special_tokens_map.json", "added_tokens.json", "tokenizer.model", "vocab.json", "merges.txt", "model.pt2",
             "model.npy"]
    for number, name in enumerate(names):
        for kind, load in (("adapter", lambda folder: attach_saved(llama, folder).detach()),
                           ("base", lambda folder: load_base(str(folder)))):
            if kind == "base" and inside != "pickle" and not name.endswith((".safetensors", ".bin", ".pt", ".json")):
                continue
            folder = hostile.write(tmp_path / f"{kind}{number}", good[kind], {name: bomb})
            with contextlib.suppress(BaseModelError):
                load(folder)
    assert not (tmp_path / "marker").exists()


def test_nothing_in_the_sources_opens_a_pickle_or_runs_text():
    """Also under another name: `from torch import load` and what hides a loader in a variable."""
    forbidden = {("torch", "load"), ("torch", "save"), ("numpy", "load"), ("yaml", "load"), ("yaml", "Loader"), ("yaml", "UnsafeLoader"),
                 ("yaml", "FullLoader"), ("pandas", "read_pickle"), ("builtins", "eval"), ("builtins", "exec"), ("torch.jit", "load"),
                 ("torch.export", "load"), ("torch.hub", "load")}
    wrong = []
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                wrong += [f"{path.name}:{node.lineno}" for alias in node.names if (node.module, alias.name) in forbidden]
            if isinstance(node, ast.Attribute):
                name = ast.unparse(node)
                wrong += [f"{path.name}:{node.lineno} {name}" for pair in forbidden if name == ".".join(pair)]
            if isinstance(node, ast.Name) and node.id in ("eval", "exec", "__import__"):
                wrong.append(f"{path.name}:{node.lineno} {node.id}")
    assert not wrong


def test_mutated_files_are_refused_or_harmless():
    tally = gate.run(mutations=600, seed=1, fork=False)
    assert tally.done == 600 and not tally.crashes and tally.slowest_seconds < 1
    assert tally.refused > 300 and tally.loaded > 20  # most are refused; a changed weight is only another weight


def test_a_header_is_read_as_the_library_reads_it(tmp_path):
    from safetensors import safe_open

    path = write_model("gpt2", tmp_path) / "model.safetensors"
    with safe_open(path, "pt") as theirs:
        assert {name: entry.shape for name, entry in read_header(path, 2**20).items()} == {
            name: tuple(theirs.get_slice(name).get_shape()) for name in theirs.keys()}  # noqa: SIM118 - it is no mapping


def test_a_header_over_the_limit_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "wide.safetensors"
    path.write_bytes(hostile.joined({f"t{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(1000)}, b""))
    assert len(read_header(path, 2**20)) == 1000
    with pytest.raises(BaseModelError, match="at most 1,024"):
        read_header(path, 1024)
    assert json.loads(path.read_bytes()[8:])
