"""`adtune export`: an adapter as a PEFT folder, merged into its base as a model of its own, or as GGUF; read back before it is shown."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, IntegrityError, with_article
from ..progress import Progress, silent
from .adapters import attached, base_of
from .curation import read_dataset

if TYPE_CHECKING:
    from ..engine.bases import Base
    from ..engine.methods.base import AbstractMethod
    from ..workspace import Workspace

PEFT_FILES = ("adapter_config.json", "adapter_model.safetensors")
QUANTISED_LIMIT = 0.05  # nats per token, Kullback-Leibler: the adapter on its quantised base against the same on the whole base
LIMIT = 1e-3  # largest difference in log-probability between the adapter and what was written, in fp32
PROBE = "The quick answer is that it depends on what you want to do next."
MEASURED_TEXTS = 200  # of the client's, on which GGUF's splitting of words is compared


def export(ws: Workspace, adapter: str, to: str, out: Path, progress: Progress = silent) -> dict[str, Any]:
    """Write the adapter (or dataset) to the new folder `out`; gives `{path files}` and the largest difference found on reading back.

    Raises InputError for a folder that is not empty, an unknown adapter, or a method that the format can't hold.
    """
    from ..engine.devices import Form

    id = ws.find(adapter)
    row = ws.record(id)
    if row["kind"] == "dataset":
        from .dataset_export import export_dataset

        return export_dataset(ws, id, to, out, progress)
    if row["kind"] != "adapter":
        raise InputError(f"export {adapter}", with_article(row['kind']), "an adapter or a dataset", "See `adtune ls`.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"--out {out}", "something that is already there", "a new folder", "Choose another name with --out.")
    _refuse(to, row["record"]["method"])
    aside = out.with_name(f".{out.name}.{os.getpid()}")
    aside.mkdir(parents=True)
    try:
        record = row["record"]
        trained = _on_quantised(ws, id, record) if record["settings"].get("quantise", "none") != "none" else None
        job = _Job(ws, id, record, base_of(record, Form("cpu", "none", True)), aside, progress)
        if trained is not None:
            job.compare(trained, to)
        (aside / "README.md").write_text(job.card(LIBRARIES[to]), encoding="utf-8")
        difference = WRITERS[to](job)
        for path in aside.iterdir():  # safetensors makes files that only their owner may read
            shutil.copymode(aside / "README.md", path)
        if not difference < LIMIT:
            raise IntegrityError(f"export of {id}", f"a difference of {difference:.2g} in log-probability", f"less than {LIMIT}",
                                 "Nothing was written. Export to peft and merge with care for precision.")
        progress("export", 3, 3)
        if out.exists():
            out.rmdir()
        os.replace(aside, out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return {"path": str(out), "files": sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()),
            "largest_difference": difference, "licence": row["record"].get("base_licence"), "notes": job.notes}


def _refuse(to: str, method: str) -> None:
    """Raises InputError where a format can't hold what a method trains."""
    if to not in WRITERS:
        raise InputError("--to", f"'{to}'", "one of " + ", ".join(WRITERS), "Choose one of them.")
    if to == "peft" and method == "full":
        raise InputError("--to peft", "a fully tuned model", "an adapter (lora or prefix)", "Use --to merged.")
    if to != "peft" and method == "prefix":
        raise InputError(f"--to {to}", "a prefix adapter", "a LoRA or a fully tuned model",
                         "A prefix lives in the cache, not in the weights: use --to peft.")


@dataclass
class _Job:
    """One export: the adapter, its base, and the folder that is being written."""

    ws: Workspace
    id: str
    record: dict[str, Any]
    base: Base
    folder: Path
    progress: Progress
    notes: list[str] = field(default_factory=list)

    def card(self, library: str) -> str:
        """The model card, with the adapter's newest evaluation."""
        from ..tune.card import adapter_card

        for row in self.ws.listing("report", self.record["client"]):
            if self.ws.record(row["id"])["record"].get("adapter") == self.id:
                report = json.loads((self.ws.path(row["id"]) / "report.json").read_text(encoding="utf-8"))
                return adapter_card(self.record, report, library)
        return adapter_card(self.record, library=library)

    def compare(self, trained: list[Any], to: str) -> None:
        """Hold the adapter on the whole base against what it was trained on. Raises IntegrityError where a merge would change too much."""
        with attached(self.ws, self.id, self.base) as method:
            apart = divergence(trained, self.score(self.base.model, method))
        kind = self.record["settings"]["quantise"]
        if to != "peft" and not apart <= QUANTISED_LIMIT:
            raise IntegrityError(f"export of {self.id}", f"{apart:.3f} nats per token between the adapter on the {kind} base that it was "
                                 "trained on and the same on the whole base", f"at most {QUANTISED_LIMIT} to merge",
                                 f"Use --to peft and serve it on a base in {kind}, or tune again with quantise=none.")
        self.notes.append(f"Trained on the base in {kind}; on the whole base its probabilities differ by {apart:.4f} nats per token.")

    def score(self, model: Any, method: AbstractMethod | None = None) -> list[Any]:
        return scores(self.base, model, method)

    @contextmanager
    def merged(self) -> Iterator[list[Any]]:
        """The adapter merged into the loaded base, in fp32, for as long as the block runs; gives the adapter's scores before."""
        self.progress("export", 0, 3)
        with attached(self.ws, self.id, self.base) as method:
            before = self.score(self.base.model, method)
            method.merge()  # type: ignore[attr-defined]  # every mergeable method has it
            settings, end = self.base.model.generation_config, self.base.renderer.end[-1]
            known = settings.eos_token_id if isinstance(settings.eos_token_id, list) else [settings.eos_token_id]
            others = [one for one in known if one not in (end, None)]
            settings.eos_token_id = [end, *others] if others else end  # generation ends where drafts do
            self.progress("export", 1, 3)
            yield before


def scores(base: Base, model: Any, method: AbstractMethod | None = None) -> list[Any]:
    """Log-probabilities over a plain text and a rendered brief, each (1, T, vocabulary)."""
    import torch

    from ..records import Brief

    renderer, found = base.renderer, []
    for ids in (renderer.start + renderer.encode(PROBE), renderer.brief(Brief("Roses in winter")) + renderer.encode(PROBE)):
        cache = method.cache(1) if method is not None else None
        with torch.no_grad():
            out = model(input_ids=torch.tensor([ids]), past_key_values=cache, use_cache=cache is not None)
        found.append(out.logits.float().log_softmax(-1))
    return found


def _on_quantised(ws: Workspace, id: str, record: dict[str, Any]) -> list[Any]:
    """The adapter's scores on the quantised base that it was trained on, which is then let go."""
    from ..engine.devices import Form

    base = base_of(record, Form("cpu", record["settings"]["quantise"], True))
    with attached(ws, id, base) as method:
        return scores(base, base.model, method)


def divergence(one: list[Any], other: list[Any]) -> float:
    """Mean Kullback-Leibler divergence of the second from the first, nats per token."""
    import torch

    return torch.cat([(a.exp() * (a - b)).sum(-1).flatten() for a, b in zip(one, other, strict=True)]).mean().item()


def _difference(one: list[Any], other: list[Any]) -> float:
    return max((a - b).abs().max().item() for a, b in zip(one, other, strict=True))


def _peft(job: _Job) -> float:
    """The published files, whose hashes were just verified, attached again from where they were written."""
    from ..engine.methods import attach_saved

    source = job.ws.path(job.id)
    for name in PEFT_FILES:
        shutil.copyfile(source / name, job.folder / name)
    job.base.tokenizer.save_pretrained(job.folder)
    with attached(job.ws, job.id, job.base) as method:
        before = job.score(job.base.model, method)
    written = attach_saved(job.base, job.folder)
    try:
        return _difference(job.score(job.base.model, written), before)
    finally:
        written.detach()


def _merged(job: _Job) -> float:
    """A model of its own, loaded again from where it was written."""
    import torch
    from transformers import AutoModelForCausalLM

    with job.merged() as before:
        job.base.model.save_pretrained(job.folder)
    job.base.tokenizer.save_pretrained(job.folder)
    job.progress("export", 2, 3)
    written = AutoModelForCausalLM.from_pretrained(job.folder, dtype=torch.float32, trust_remote_code=False)
    return _difference(job.score(written), before)


def _gguf(job: _Job) -> float:
    """One file with weights, words and template, loaded again with transformers' GGUF loader."""
    from ..engine.gguf_file import About, read_gguf, require, write_gguf
    from ..engine.gguf_words import words_of

    require(job.base)
    texts = [item.example.text for item in read_dataset(job.ws, job.record["dataset"]).split("train")][:MEASURED_TEXTS]
    words = words_of(job.base.renderer, job.base.model.get_input_embeddings().weight.shape[0], texts)
    path = job.folder / "model.gguf"
    client, method = job.record["client"], job.record["method"]
    with job.merged() as before:
        write_gguf(job.base, words, About(f"{client} {job.id}", job.record.get("base_licence"), f"adtune {method} for {client}"), path)
    job.progress("export", 2, 3)
    if words.apart:
        job.notes.append(f"llama.cpp splits words by the rule '{words.rule}': {words.apart:.1%} of the client's texts get other "
                         "tokens there.")
    return _difference(job.score(read_gguf(job.base, path)), before)


LIBRARIES = {"peft": "peft", "merged": "transformers", "gguf": "gguf"}  # what loads each form, for the card's header
WRITERS: dict[str, Callable[[_Job], float]] = {"peft": _peft, "merged": _merged, "gguf": _gguf}
