"""`adtune export`: an adapter as a PEFT folder, or merged into its base as a model of its own; read back before it is shown."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, IntegrityError
from ..progress import Progress, silent
from .adapters import attached, base_of

if TYPE_CHECKING:
    from ..engine.bases import Base
    from ..workspace import Workspace

PEFT_FILES = ("adapter_config.json", "adapter_model.safetensors", "README.md")
LIMIT = 1e-3  # largest difference in log-probability between the adapter and what was written, in fp32


def export(ws: Workspace, adapter: str, to: str, out: Path, progress: Progress = silent) -> dict[str, Any]:
    """Write the adapter to the new folder `out`; gives `{path files}` and the largest difference found on reading back.

    Raises InputError for a folder that is not empty, an unknown adapter, or a method that the format can't hold.
    """
    id = ws.find(adapter)
    row = ws.record(id)
    if row["kind"] != "adapter":
        raise InputError(f"export {adapter}", f"a {row['kind']}", "an adapter", "See `adtune ls`.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"--out {out}", "something that is already there", "a new folder", "Choose another name with --out.")
    aside = out.with_name(f".{out.name}.{os.getpid()}")
    aside.mkdir(parents=True)
    try:
        base = base_of(row["record"])
        difference = _peft(ws, id, row["record"], aside) if to == "peft" else _merged(ws, id, base, aside, progress)
        base.tokenizer.save_pretrained(aside)
        if out.exists():
            out.rmdir()
        os.replace(aside, out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return {"path": str(out), "files": sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()),
            "largest_difference": difference}


def _peft(ws: Workspace, id: str, record: dict[str, Any], folder: Path) -> float:
    """Copy the published files, whose hashes were just verified: nothing can differ."""
    if record["method"] == "full":
        raise InputError("--to peft", "a fully tuned model", "an adapter (lora or prefix)", "Use --to merged.")
    source = ws.path(id)
    for name in PEFT_FILES:
        shutil.copyfile(source / name, folder / name)
    return 0.0


def _merged(ws: Workspace, id: str, base: Base, folder: Path, progress: Progress) -> float:
    """Merge in fp32, save, load again and compare log-probabilities on a probe text."""
    import torch
    from transformers import AutoModelForCausalLM

    probe = torch.tensor([base.renderer.start + base.renderer.encode("The quick answer is that it depends on what you want to do next.")])

    def score(model: Any) -> torch.Tensor:
        with torch.no_grad():
            return model(input_ids=probe, use_cache=False).logits.log_softmax(-1)

    progress("merge", 0, 3)
    with attached(ws, id, base) as method:
        if not method.mergeable:
            raise InputError("--to merged", f"a {method.name} adapter", "a LoRA or a fully tuned model",
                             "A prefix lives in the cache, not in the weights: use --to peft.")
        before = score(base.model)
        method.merge()  # type: ignore[attr-defined]  # every mergeable method has it
        progress("merge", 1, 3)
        base.model.save_pretrained(folder)
        shutil.copyfile(ws.path(id) / "README.md", folder / "README.md")
    progress("merge", 2, 3)
    written = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, trust_remote_code=False)
    difference = (score(written) - before).abs().max().item()
    if not difference < LIMIT:
        raise IntegrityError(f"export of {id}", f"a difference of {difference:.2g} in log-probability", f"less than {LIMIT}",
                             "Nothing was written. Export to peft and merge with care for precision.")
    progress("merge", 3, 3)
    return difference
