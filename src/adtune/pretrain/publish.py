"""A finished run becomes a base: a Hugging Face folder (bf16 safetensors, tokenizer), judged on held-out text, with its card and page.

The folder is written aside and renamed, so that whatever has its name is whole. The weights of the constant part stand beside it, for
a later run that goes on from them.
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from .. import durable
from ..engine.bases import load_base
from ..engine.checkpoint import load_latest
from ..errors import InputError
from ..progress import Progress, silent
from ..settings import PretrainSettings
from .card import model_card
from .judge import JudgeSettings, Page, judge_base
from .prepare import Prepared
from .text import PretrainRun
from .tokenizer import save_tokenizer
from .watch import write_page

FIGURES, CONSTANT = "figures.json", "-constant"
SAMPLED = {"do_sample": True, "temperature": 1.1, "top_p": 0.9}  # drafts then repeat themselves about as rarely as people do (0010)
JUDGED = JudgeSettings(titles=100, drafts=24)  # of every finished base: a minute on two cores


def check_out(out: Path) -> None:
    """Raise InputError where `out` holds something that is no earlier base of ours."""
    if out.is_file() or out.is_dir() and any(out.iterdir()) and not (out / FIGURES).is_file():
        raise InputError("--out", f"{out} holds other files", "a new folder, or that of an earlier pre-training", "Name another folder.")


def finish(run_: PretrainRun, prepared: Prepared, out: Path, progress: Progress = silent) -> dict[str, Any]:
    """Write the base to `out` and give its figures. Raises InputError where the disk has no room; what was there before then stays."""
    figures = told_by(run_)
    aside = out.with_name(out.name + ".partial")
    durable.remove_tree(aside)
    try:
        write_weights(run_, prepared, aside)
        figures |= write_judged(figures, prepared, aside, progress)
        constant = write_constant(run_, prepared, out.with_name(out.name + CONSTANT))
        _replace(aside, out)
    except OSError as error:
        durable.remove_tree(aside)
        raise InputError("--out", f"{out}: {error.strerror or error}", "a folder with room for the base",
                         "Free some space and run again with --resume: the run itself is safe.") from error
    return figures | {"constant": str(constant) if constant else None}


def told_by(run_: PretrainRun) -> dict[str, Any]:
    """What a run knows of itself, before anything is judged."""
    threads = f"{torch.get_num_threads()} threads of {platform.machine()}"
    return {"parameters": sum(p.numel() for p in run_.model.parameters()), "tokens": run_.tokens, "seconds": run_.seconds,
            "steps": run_.step, "size": run_.settings.size, "settings": _shown(run_.settings), "log": run_.log,
            "drawn_tokens": run_.sources["plain"].drawn, "epochs": run_.sources["plain"].epochs,
            "machine": torch.cuda.get_device_name(0) if run_.device == "cuda" else threads if run_.device == "cpu" else run_.device,
            "torch": torch.__version__.split("+")[0], "went_on_from": _lineage(run_.settings.start_from)}


def _shown(settings: PretrainSettings) -> dict[str, Any]:
    """Settings as a base that travels tells them: no folder of this machine."""
    return asdict(settings) | {"start_from": Path(settings.start_from).name if settings.start_from else None}


def _lineage(folder: str | None) -> list[dict[str, Any]]:
    """The runs that made the weights that this one started from, the first one first; a base of elsewhere has none."""
    path = Path(folder or "") / FIGURES
    if not folder or not path.is_file():
        return []
    figures = json.loads(path.read_text(encoding="utf-8"))
    if "settings" not in figures:  # a constant part: its run is not told
        return []
    kept = ("tokens", "seconds", "steps", "settings", "machine", "torch", "drawn_tokens", "epochs")
    return [*figures.get("went_on_from", ()), {name: figures[name] for name in kept}]


def write_judged(figures: dict[str, Any], prepared: Prepared, folder: Path, progress: Progress = silent) -> dict[str, Any]:
    """Judge the base in `folder` on the held-out documents; write card, page and figures into it and give the new ones."""
    pages = [Page(one.title, one.text, source) for source, held in prepared.plain.held_out().items() for one in held]
    judged = judge_base(load_base(str(folder)), pages, {}, settings=JUDGED, progress=progress)
    found = {"by_source": judged["bits_per_byte"]["by_source"], "bits_per_byte": judged["bits_per_byte"]["all"],
             "modern": judged["bits_per_byte"]["modern"], "title": judged["title"], "drafts": judged["drafts"],
             "cool_drafts": judged["cool_drafts"]}
    _write_words(folder, figures | found)
    return found


def write_weights(run_: PretrainRun, prepared: Prepared, folder: Path) -> None:
    """Model and tokenizer. The model keeps its precision: what is written is a copy in bf16."""
    durable.make_folder(folder)
    _write_config(run_, folder)
    run_.model.generation_config.update(**SAMPLED)
    run_.model.generation_config.save_pretrained(folder)
    _save(run_.model.state_dict(), folder)
    save_tokenizer(prepared.tokenizer, folder, run_.settings.context)


def _write_config(run_: PretrainRun, folder: Path) -> None:
    config = run_.model.config
    config.dtype, config.architectures = torch.bfloat16, [type(run_.model).__name__]
    config.save_pretrained(folder)


def _save(tensors: dict[str, torch.Tensor], folder: Path) -> None:
    tensors = {k: v.detach().to("cpu", torch.bfloat16).contiguous() for k, v in tensors.items() if k != "lm_head.weight"}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    durable.sync(folder / "model.safetensors")


def _write_words(folder: Path, figures: dict[str, Any]) -> None:
    (folder / FIGURES).write_text(json.dumps(figures, indent=1), encoding="utf-8")
    (folder / "README.md").write_text(model_card(figures), encoding="utf-8")
    (folder / "report.html").write_text(write_page(figures, f"Text starter, {figures['size']}"), encoding="utf-8")


def write_constant(run_: PretrainRun, prepared: Prepared, out: Path) -> Path | None:
    """The weights before the cool-down as a base of their own; None where the run has no such part."""
    found = load_latest(run_.work / "constant")
    if found is None:
        return None
    aside = out.with_name(out.name + ".partial")
    durable.remove_tree(aside)
    durable.make_folder(aside)
    _write_config(run_, aside)
    _save({k[6:]: v for k, v in found[1].items() if k.startswith("model.")}, aside)
    save_tokenizer(prepared.tokenizer, aside, run_.settings.context)
    _write_constant_card(aside, found[0], found[2]["tokens"])
    _replace(aside, out)
    return out


def _write_constant_card(folder: Path, step: int, tokens: int) -> None:
    told = {"step": step, "tokens": tokens}
    (folder / FIGURES).write_text(json.dumps(told), encoding="utf-8")
    (folder / "README.md").write_text(
        f"# adtune text starter, constant part\n\nWeights after step {step:,} ({tokens:,} tokens), before any cool-down: not for use, but "
        "to go on from with `adtune pretrain text --set start_from=FOLDER`.\n", encoding="utf-8")


def _replace(aside: Path, out: Path) -> None:
    """Put `aside` where `out` is; an earlier base goes only then."""
    old = out.with_name(out.name + ".old")
    durable.remove_tree(old)
    if out.exists():
        durable.rename(out, old)
    durable.rename(aside, out)
    durable.remove_tree(old)
