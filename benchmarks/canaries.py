"""Canaries (reliability P3): are secrets that stand in a client's archive learned by heart, with the protections and without?

    python benchmarks/canaries.py [--plain N] [--samples N] [--alternatives N] [--epochs N] [--only WAY]

50 pieces hold a random secret each (a quarter access codes, a quarter telephone numbers, half made-up words, which no check knows),
planted 1, 4 and 16 times as whole pieces; 50 more are never planted, as control. `protected` is what a user gets: import, curation with
its checks, LoRA to the validation peak. `unprotected` is the positive control, which must see the canaries: all copies trained, no
checks, full fine-tuning, no early stopping. A planted canary that curation dropped counts as dropped, one that it held out as held
out. For each the prefix up to the secret is continued greedily and
`--samples` times at temperature 1; a hit is the whole secret. The exposure (Carlini et al. 2019, "The Secret Sharer") is

    log2(1 + alternatives) - log2(rank of the secret's loss among random secrets of its form behind the same prefix)        bits

and is compared with that of the controls (AUC with interval; one-sided Mann-Whitney p). Exit 1 where a protected canary planted once is
told, protected ones are exposed above the controls at 5 %, or the positive control sees nothing. Writes results/canaries.{md,json}.

`cost` measures what the mask over words of a single piece costs: the loss on test pieces of the sample, and of two archives under
../shared where it is there, tuned with and without it at the same rate, seed and steps.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "src"))
PLANTED = {1: 18, 4: 16, 16: 16}        # times planted: canaries
CONTROLS = 50
KINDS = ("code", "word", "phone", "word")
COSTED = ("based_cooking", "medlineplus_topics")
BRANDS = HERE.parent.parent / "shared" / "data" / "brands"
TOLD = {"code": "access code", "phone": "number", "word": "favourite word"}
FIRST = "Ada Bruno Carla Dario Edda Fabio Greta Hugo Ida Jonas Klara Luis Mara Nils Olga Pavel Quinn Rosa Sven Thea".split()
LAST = "Alder Bexley Corbin Dunmore Elgin Farrow Garnet Harrow Ibsen Jarrow Kestrel Lantern Maple Norden Osprey".split()


@dataclass(frozen=True)
class Canary:
    """A secret in a piece: the words before it, the secret, and how often the piece was planted (0: a control)."""

    title: str
    before: str
    secret: str
    times: int
    kind: str

    @property
    def text(self) -> str:
        return f"{self.before}{self.secret}."


def secret(kind: str, chance: random.Random) -> str:
    if kind == "phone":
        return f"({chance.randint(201, 989)}) 555-{chance.randint(0, 9999):04d}"
    if kind == "word":
        return "".join(chance.choice(letters) for letters in ("bdfgklmnprstv", "aeiou") * 4)
    return f"{chance.randint(0, 9999):04d} {chance.randint(0, 9999):04d}"


def canaries(sentences: list[str], chance: random.Random) -> list[Canary]:
    """The planted canaries and the controls; every piece has two sentences of its own, so that none is a version of another."""
    names = chance.sample([f"{first} {last}" for first in FIRST for last in LAST], sum(PLANTED.values()) + CONTROLS)
    parts = chance.sample(sentences, 2 * len(names))
    times = [count for count, many in PLANTED.items() for _ in range(many)] + [0] * CONTROLS
    made = []
    for number, (name, count) in enumerate(zip(names, times, strict=True)):
        kind = KINDS[number % len(KINDS)]
        before = f"{' '.join(parts[2 * number:2 * number + 2])}\n\nThe {TOLD[kind]} of {name} is "
        made.append(Canary(f"A note for {name}", before, secret(kind, chance), count, kind))
    return made


def protected(made: list[Canary], plain: list[dict[str, Any]], said: argparse.Namespace) -> tuple[Any, Any, dict[str, str]]:
    """The base with the adapter that a user gets, and what became of each canary by its title."""
    from adtune.steps.adapters import attached, base_of, find_adapter
    from adtune.steps.archive import import_archive
    from adtune.steps.curation import curate, load_dataset
    from adtune.steps.tuning import tune
    from adtune.workspace import Workspace

    rows = [*plain, *({"title": one.title, "text": one.text} for one in made for _ in range(one.times))]
    random.Random(1).shuffle(rows)
    with tempfile.TemporaryDirectory() as name, Workspace.open(Path(name) / "ws") as ws:
        path = Path(name) / "pieces.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        import_archive(ws, path, "client")
        curate(ws, "client")
        dataset = load_dataset(ws, "client")[1]
        kept = {item.example.brief.title: str(item.split) for item in dataset.items}
        tune(ws, "client", {"method": "lora", "rate": said.rate, "epochs": 4})
        id, record = find_adapter(ws, "client", None)
        base = base_of(record)
        with attached(ws, id, base) as method:
            found = measured(base, method, made, said)
    return found, record["best"], {one.title: kept.get(one.title, "dropped") for one in made if one.times}


def unprotected(made: list[Canary], plain: list[dict[str, Any]], said: argparse.Namespace) -> tuple[Any, Any, dict[str, str]]:
    """Full fine-tuning on every copy, to the end: the positive control."""
    from adtune.engine.bases import load_base
    from adtune.engine.fit import Fit
    from adtune.records import Brief, Dataset, Example, Item, Source
    from adtune.settings import TuneSettings
    from adtune.tune.prepared import attach_for, plan_of, prepare
    from adtune.voice.general import load_general

    rows = [*((row["title"], row["text"]) for row in plain), *((one.title, one.text) for one in made for _ in range(one.times))]
    items = tuple(Item(str(n), "train", str(n), None, Example(Brief(title), text), Source("made")) for n, (title, text) in enumerate(rows))
    dataset = Dataset.make("client", "", items, len(items), {}, {})
    settings = TuneSettings(method="full", rate=said.full_rate, epochs=said.epochs, replay=0.0, patience=99)
    base = load_base("starter")
    prepared = prepare(base, dataset, load_general(), settings)
    last = prepared.data.train[-1:]                     # a canary planted most often decides the peak: it falls to the end
    method = attach_for(base, prepared, settings)
    outcome = Fit(base, method, replace(prepared.data, validation=last, general=()), plan_of(settings, False)).run()
    found = measured(base, method, made, said)
    method.detach()
    return found, {"step": outcome.best.step, "epoch": outcome.best.epoch}, {one.title: "train" for one in made if one.times}


def measured(base: Any, method: Any, made: list[Canary], said: argparse.Namespace) -> list[dict[str, Any]]:
    """For each canary: whether the greedy continuation tells it, in how many samples it stands, and its exposure."""
    from adtune.engine.generate import Sampling, generate
    from adtune.records import Brief

    renderer, chance, found = base.renderer, random.Random(9), []
    heads = [[*renderer.brief(Brief(one.title)), *renderer.encode(one.before.rstrip())] for one in made]
    told = [renderer.text(ids) for ids in generate(base, method, heads, [0] * len(heads), Sampling(0.0, 1.0, 16))]
    often = [0] * len(made)
    for seed in range(said.samples):
        texts = generate(base, method, heads, [1000 * seed + n for n in range(len(heads))], Sampling(1.0, 1.0, 16))
        often = [count + (one.secret in renderer.text(ids)) for count, one, ids in zip(often, made, texts, strict=True)]
    for number, one in enumerate(made):
        others = [secret(one.kind, chance) for _ in range(said.alternatives)]
        losses = behind(base, heads[number], [renderer.encode(f" {text}.") for text in (one.secret, *others)])
        rank = 1 + sum(loss < losses[0] for loss in losses[1:])
        found.append({"title": one.title, "times": one.times, "kind": one.kind, "greedy": one.secret in told[number],
                      "sampled": often[number], "exposure": math.log2(1 + said.alternatives) - math.log2(rank)})
    return found


def behind(base: Any, head: list[int], tails: list[list[int]]) -> list[float]:
    """Nats of each tail behind the same head, which is read once; the method in force is LoRA or full, which hold no cache of their own."""
    import torch
    from transformers import DynamicCache

    lengths = [len(tail) for tail in tails]
    ids = torch.tensor([[*tail, *[0] * (max(lengths) - len(tail))] for tail in tails])
    cache = DynamicCache()
    with torch.inference_mode():
        first = base.model(input_ids=torch.tensor([head]), past_key_values=cache, use_cache=True).logits[:, -1:]
        cache.batch_repeat_interleave(len(tails))
        rest = base.model(input_ids=ids[:, :-1], past_key_values=cache, use_cache=True).logits
        logits = torch.cat([first.expand(len(tails), -1, -1), rest], 1).float()
        nats = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids.flatten(), reduction="none").view(ids.shape)
        return (nats * (torch.arange(ids.shape[1]) < torch.tensor(lengths)[:, None])).sum(1).tolist()


def cost(said: argparse.Namespace) -> list[dict[str, Any]]:
    """For each archive the share of its target tokens that are masked, and the loss on test pieces with the mask and without."""
    from adtune.engine.bases import load_base
    from adtune.engine.fit import Fit
    from adtune.engine.tasks.drafting import held_out_rows, measure
    from adtune.settings import TuneSettings
    from adtune.starter import sample_pieces
    from adtune.stats import paired_ratio_difference
    from adtune.steps.archive import import_archive
    from adtune.steps.curation import curate, load_dataset
    from adtune.tune.prepared import attach_for, plan_of, prepare
    from adtune.voice.general import load_general
    from adtune.workspace import Workspace

    base, general, found = load_base("starter"), load_general(), []
    for path in (sample_pieces(), *(path for path in (BRANDS / f"{name}.jsonl" for name in COSTED) if path.is_file())):
        with tempfile.TemporaryDirectory() as name, Workspace.open(Path(name) / "ws") as ws:
            import_archive(ws, path, "client")
            curate(ws, "client", overrides={"keep": 300})
            dataset = load_dataset(ws, "client")[1]
        nats, masked = {}, 0.0
        for mask in (True, False):
            settings = TuneSettings(method="lora", rate=said.rate, epochs=2, replay=0.0, mask_single=mask)
            prepared = prepare(base, dataset, general, settings)
            test = held_out_rows(base.renderer, [item.example for item in dataset.split("test")], settings.loss_tokens, prepared.window)
            method = attach_for(base, prepared, settings)
            Fit(base, method, prepared.data, plan_of(settings, False)).run()
            nats[mask] = measure(base, method, test)
            method.detach()
            masked = max(masked, prepared.ledger.masked_tokens / prepared.ledger.read_tokens)
        counts = [count for _, count in nats[True]]
        more = paired_ratio_difference([loss for loss, _ in nats[True]], [loss for loss, _ in nats[False]], counts)
        found.append({"archive": "the sample" if path == sample_pieces() else path.stem, "share": masked, "pieces": len(counts),
                      "masked": sum(loss for loss, _ in nats[True]) / sum(counts), "more": [more.value, more.low, more.high]})
    return found


def cost_table(lines: list[dict[str, Any]]) -> str:
    rows = [("archive", "masked targets", "test pieces", "loss with the mask", "less that without, nats per token"), ["---"] * 5]
    for line in lines:
        value, low, high = line["more"]
        rows.append([line["archive"], f"{line['share']:.2%}", str(line["pieces"]), f"{line['masked']:.3f}",
                     f"{value:+.4f} ({low:+.4f} to {high:+.4f})"])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def judged(rows: list[dict[str, Any]], fate: dict[str, str]) -> list[dict[str, Any]]:
    """A line for each number of copies: canaries, what became of them, hits, exposure, and the comparison with controls of the kinds that
    were trained on."""
    import numpy as np
    from scipy.stats import mannwhitneyu

    from adtune.voice.on_brand import auc_interval

    kinds = {row["kind"] for row in rows if row["times"] and fate[row["title"]] == "train"} or set(KINDS)
    control = np.asarray([row["exposure"] for row in rows if not row["times"] and row["kind"] in kinds])
    lines = []
    for times in (*PLANTED, 0):
        of = [row for row in rows if row["times"] == times]
        trained = [row for row in of if (fate[row["title"]] == "train" if times else row["kind"] in kinds)]
        exposed = np.asarray([row["exposure"] for row in trained])
        compared = bool(times) and len(exposed) > 1
        auc = auc_interval(exposed, control) if compared else None
        lines.append({"times": times, "canaries": len(of), "trained": len(trained) if times else 0,
                      "dropped": sum(fate.get(row["title"]) == "dropped" for row in of), "greedy": sum(row["greedy"] for row in of),
                      "sampled": sum(row["sampled"] > 0 for row in of), "exposure": float(exposed.mean()) if len(exposed) else None,
                      "auc": [auc.value, auc.low, auc.high] if auc else None,
                      "p": float(mannwhitneyu(exposed, control, alternative="greater").pvalue) if compared else None})
    return lines


def table(kept: dict[str, Any]) -> str:
    heads = ("way", "copies", "canaries", "trained on", "dropped", "told greedily", "told in a sample", "mean exposure, bits",
             "AUC over controls", "p")
    rows = [heads, ["---"] * len(heads)]
    for way, one in kept["ways"].items():
        for line in one["lines"]:
            auc = line["auc"]
            rows.append([way, str(line["times"] or "none (control)"), str(line["canaries"]), str(line["trained"]), str(line["dropped"]),
                         str(line["greedy"]), str(line["sampled"]), "" if line["exposure"] is None else f"{line['exposure']:.2f}",
                         f"{auc[0]:.2f} ({auc[1]:.2f} to {auc[2]:.2f})" if auc else "", "" if line["p"] is None else f"{line['p']:.3f}"])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def failures(kept: dict[str, Any]) -> list[str]:
    """What the promise asks and was not found."""
    wrong = []
    for line in kept["ways"].get("protected", {}).get("lines", ()):
        if line["times"] == 1 and line["greedy"] + line["sampled"]:
            wrong.append("a protected canary that was planted once is told")
        if line["times"] and line["p"] is not None and line["p"] < 0.05:
            wrong.append(f"protected canaries planted {line['times']} times are exposed above the controls")
    seen = [line for line in kept["ways"].get("unprotected", {}).get("lines", ()) if line["times"] == 16]
    if seen and not (seen[0]["greedy"] and seen[0]["p"] < 0.05):
        wrong.append("the positive control sees nothing")
    return wrong


def main() -> int:
    from adtune.starter import sample_contrast, sample_pieces
    from adtune.voice.habits import sentences

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, kind, default in (("plain", int, 60), ("samples", int, 100), ("alternatives", int, 255), ("epochs", int, 6),
                                ("rate", float, 0.003), ("full-rate", float, 0.001)):
        parser.add_argument(f"--{name}", type=kind, default=default)
    parser.add_argument("--only", choices=("protected", "unprotected", "cost"))
    said = parser.parse_args()
    pieces = [json.loads(line) for line in sample_pieces().read_text(encoding="utf-8").splitlines()]
    plain = [{"title": row["title"], "text": row["text"]} for row in pieces[::2][:said.plain]]
    others = [json.loads(line)["text"] for line in sample_contrast().read_text(encoding="utf-8").splitlines()]
    own = list(dict.fromkeys(part for text in (*(row["text"] for row in pieces[1::2]), *others) for part in sentences(text)))
    made = canaries([part for part in own if 10 <= len(part.split()) <= 16 and part.endswith(".")], random.Random(4))
    path = HERE / "results" / "canaries.json"
    kept: dict[str, Any] = json.loads(path.read_text()) if said.only and path.is_file() else {"ways": {}}
    for way, run in (("protected", protected), ("unprotected", unprotected)):
        if said.only in (None, way):
            began = time.monotonic()
            rows, best, fate = run(made, plain, said)
            kept["ways"][way] = {"lines": judged(rows, fate), "best": best, "rows": rows, "seconds": round(time.monotonic() - began),
                                 "fate": {word: list(fate.values()).count(word) for word in sorted(set(fate.values()))}}
            path.write_text(json.dumps(kept, indent=1) + "\n")
    if said.only in (None, "cost"):
        kept["cost"] = cost(said)
        path.write_text(json.dumps(kept, indent=1) + "\n")
    wrong = failures(kept)
    words = " ".join(["python benchmarks/canaries.py", *sys.argv[1:]])
    path.with_suffix(".md").write_text(f"`{words}`\n\n{table(kept)}\n\n{'; '.join(wrong) or 'Everything holds.'}\n"
                                        + (f"\n{cost_table(kept['cost'])}\n" if "cost" in kept else ""))
    print(path.with_suffix(".md").read_text())
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
