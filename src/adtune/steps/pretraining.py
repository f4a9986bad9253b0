"""`adtune pretrain text`: a starter base from a corpus, in one call that can be stopped and continued."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import InputError, did_you_mean
from ..progress import Progress, silent


def pretrain_text(options: dict[str, Any], progress: Progress = silent, stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Pre-train a text starter.

    Options: corpus (paths of .jsonl, .jsonl.zst or .txt files), minutes, size, out (folder of the finished base), resume, seed.
    Raises InputError for a corpus that cannot be read or is too small, Interrupted after a checkpoint when stopped.
    """
    from ..pretrain.card import model_card
    from ..pretrain.model import SIZES
    from ..pretrain.text import PretrainRun, PretrainSettings, prepare, run, write_base

    paths = [Path(p) for p in options.get("corpus") or ()]
    for path in paths:
        if not path.is_file():
            raise InputError("--corpus", f"no file {path}", "files of text", did_you_mean(path.name, _siblings(path)))
    if not paths:
        raise InputError("--corpus", "no files", "one file of text or more", "Give --corpus FILE, more than once for several.")
    given = {k: options[k] for k in ("minutes", "size", "seed", "token_limit") if options.get(k) is not None}
    settings = PretrainSettings(**given)
    if settings.size not in SIZES:
        raise InputError("--size", settings.size, "a known size", did_you_mean(settings.size, SIZES))
    if settings.minutes <= 0:
        raise InputError("--minutes", str(settings.minutes), "a number above 0", "Give the minutes that training may take.")
    out = Path(options.get("out") or "starter-text")
    work = out.with_name(out.name + ".work")
    tokenizer, files = prepare(paths, settings, work, lambda label, done, total: progress(label, done, total))
    one = PretrainRun(settings, files, work)
    if options.get("resume"):
        one.restore()

    def tell(state: dict[str, Any]) -> None:
        score = f"  {state['bits_per_byte']:.3f} bits/byte" if state.get("bits_per_byte") is not None else ""
        progress("pre-train", state["seconds"], settings.minutes * 60,
                 f"loss {state['loss']:.3f}  {state['tokens'] / max(state['seconds'], 1):,.0f} tok/s{score}")

    run(one, tell, stop)
    figures = write_base(one, tokenizer, out, model_card)
    return {"base": str(out), "parameters": figures["parameters"], "tokens": figures["tokens"], "seconds": figures["seconds"],
            "bits_per_byte": figures["bits_per_byte"], "by_source": figures["by_source"], "size": settings.size}


def _siblings(path: Path) -> list[str]:
    return [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
