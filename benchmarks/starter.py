"""A text base before anybody tunes it: bits per byte, titles, context, drafts, copies, and what n-grams and compressors reach.

    python benchmarks/starter.py [--base starter] [--beside FOLDER ...] [--corpus FILE ...] [--archives FILE ...] [--out FOLDER]

Held-out documents are those that pre-training holds out of `--corpus`; a weighted draw of the rest (`--training-mb`, as the mix of
training weighs its sources) is what n-grams are counted on and what memorised runs are looked for in. Corpus, archives and the base
beside default to ../shared/data; what needs one that is absent is skipped, and the page says so. `--share 0.1` takes a tenth of all
counts: to see that it runs. Writes starter.{md,json} to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path
from typing import Any

import torch

from adtune.archive import read_archive
from adtune.engine.bases import STARTER, Base, load_base
from adtune.pretrain.baselines import TextNGram, compressed_bits, fit_ngram
from adtune.pretrain.documents import Document, read_documents, weight_of
from adtune.pretrain.judge import JudgeSettings, Page, equal_bytes, judge_base, judged_drafts, mean_of, modern, spread
from adtune.records import Interval
from adtune.voice.prompt import brief_text

HERE = Path(__file__).resolve().parent
DATA = HERE.parent.parent / "shared" / "data"
UNKNOWN_TO_ALL = ("based_cooking", "sourcegraph_handbook")  # archives that no pre-training data came from, nor from near them
BRANDS = ("based_cooking.jsonl", "carpentries_blog.jsonl", "digitalgov_news.jsonl.gz", "medlineplus_topics.jsonl",
          "sourcegraph_handbook.jsonl", "swcarpentry_gvwilson.jsonl")
SCALE_BYTES = 1500  # of each text in the table of equal bytes
ORDERS = (3, 6)     # of the n-grams over bytes; over tokens it is the first
# What issue 4 asks for: at most or at least, how much, and how the table says it.
WANTED = {"bits": ("<=", 1.60, "<= 1.60 (1.25 with a GPU)"), "titles": (">=", 0.90, ">= 0.90"), "context": (">=", 5 / 6, ">= 5 of 6"),
          "ended": (">=", 0.95, ">= 0.95"), "size": ("<=", 60.0, "<= 60")}


def sampled(documents: Iterable[Document], most: int) -> tuple[list[Document], list[Document], int]:
    """(held out, a weighted draw of the rest of about `most` bytes, bytes of the rest): one pass, in little memory.

    The draw keeps the largest u^(1/w), u from a hash of the document (Efraimidis and Spirakis 2006): the same one every time.
    """
    held: list[Document] = []
    heap: list[tuple[float, int, int, Document]] = []
    size = total = 0
    for number, document in enumerate(documents):
        if document.held_out:
            held.append(document)
            continue
        length = len(document.text.encode("utf-8"))
        total += length
        weight = weight_of(document.source)
        if weight <= 0:
            continue
        digest = hashlib.sha256(f"{document.source}/{document.title}/{number}".encode()).digest()
        heapq.heappush(heap, (((int.from_bytes(digest[:7], "big") + 1) / 2**56) ** (1 / weight), number, length, document))
        size += length
        while size > most and len(heap) > 1:
            size -= heapq.heappop(heap)[2]
    return held, [document for _, _, _, document in sorted(heap, key=lambda entry: entry[1])], total


def page_of(document: Document) -> Page:
    return Page(document.title, document.text, document.source, document.group)


def archive_pages(paths: Sequence[Path]) -> dict[str, list[Page]]:
    """The pieces of each archive by the archive's name, as `adtune import` reads them."""
    found = {}
    for path in paths:
        name = path.name.split(".")[0]
        found[name] = [Page(asset.title or "", asset.text, name) for asset in read_archive(path, name).assets]
    return found


def cut(page: Page) -> Page:
    """The page's first SCALE_BYTES bytes, whole characters."""
    return replace(page, text=page.text.encode("utf-8")[:SCALE_BYTES].decode("utf-8", "ignore"))


def by_source(pages: Sequence[Page], score: Callable[[list[Page]], float | None]) -> dict[str, Any]:
    """A baseline's figures in the form of the judge's."""
    scores = {source: score([page for page in pages if page.source == source]) for source in sorted({page.source for page in pages})}
    new = mean_of([Interval(value) for source, value in scores.items() if modern(source)])
    every = mean_of([Interval(value) for value in scores.values()])
    return {"by_source": {source: {"value": value} for source, value in scores.items()}, "modern": {"value": new.value},
            "all": {"value": every.value}}


def rendered(page: Page) -> tuple[str, str]:
    """(prompt, text) as they stand in pre-training."""
    head = brief_text(page.brief)
    return (head + "\n\n" if head else ""), page.text


def scale(bases: Mapping[str, Base], pages: list[Page], training: Sequence[Page], settings: JudgeSettings) -> dict[str, Any]:
    """Bits per byte of the same held-out bytes: bases, n-grams of the training text, compressors."""
    columns = {name: equal_bytes(base, pages, settings) for name, base in bases.items()}
    texts, first = ["".join(rendered(page)) for page in training], next(iter(bases.values())).renderer
    kinds = {f"{ORDERS[0]}-gram of tokens": (ORDERS[0], first.encode, first.words, first.end[-1])}
    kinds |= {f"{order}-gram of bytes": (order,) for order in ORDERS}

    def score(model: TextNGram) -> Callable[[list[Page]], float | None]:
        return lambda some: sum(model.bits(*rendered(page)) for page in some) / sum(len(page.text.encode("utf-8")) for page in some)

    if texts:
        columns |= {name: by_source(pages, score(fit_ngram(texts, *said))) for name, said in kinds.items()}
    for method in ("xz", "gzip"):
        columns[method] = by_source(pages, lambda some, method=method: compressed_bits([page.text for page in some], method))
    return {"columns": columns, "bytes": {source: sum(len(page.text.encode("utf-8")) for page in pages if page.source == source)
                                          for source in sorted({page.source for page in pages})}}


def number(value: float | None, digits: int = 3) -> str:
    return "not measured" if value is None else f"{value:,.{digits}f}"


def told(figure: dict[str, Any], name: str = "value", digits: int = 3) -> str:
    """A figure with its interval."""
    pair = figure.get("interval" if name == "value" else f"{name}_interval")
    return number(figure[name], digits) + (f" [{pair[0]:,.{digits}f}, {pair[1]:,.{digits}f}]" if pair else "")


def unknown(figures: dict[str, Any]) -> Interval:
    """Mean bits per byte on the archives that no pre-training data came from."""
    known = [figures["archives"]["by_source"].get(name) for name in UNKNOWN_TO_ALL]
    return mean_of([Interval(one["value"], *(one["interval"] or (None, None))) for one in known if one])


def measures(figures: dict[str, Any]) -> list[tuple[str, str, str, bool | None]]:
    """(measure, what issue 4 wants, the figure, whether it is reached: None where nothing is wanted or nothing was measured)."""
    bits, title, context, drafts = (figures[name] for name in ("bits_per_byte", "title", "in_context", "drafts"))
    cool = figures["cool_drafts"]
    people, copied, mean = drafts["people"], drafts["memorised"] or {}, unknown(figures)
    rows = [
        ("held-out bits per byte, mean over modern sources", bits["modern"]["value"], told(bits["modern"]), WANTED["bits"]),
        ("held-out bits per byte, mean over all sources", None, told(bits["all"]), None),
        ("bits per byte of archives that no data came from", None, told({"value": mean.value, "interval": mean.as_list()}), None),
        ("own title better than another's, share of texts", title["own_better"]["value"], told(title["own_better"]), WANTED["titles"]),
        ("own title better than another's, nats per token", None, told(title["difference"]), None),
        ("archives with an in-context gain", context["positive"] / context["measured"] if context["measured"] else None,
         f"{context['positive']} of {context['measured']} ({context['beyond_noise']} beyond noise)", WANTED["context"]),
        ("drafts that end", drafts["ended"], told(drafts, "ended"), WANTED["ended"]),
        ("repeated 4-grams within a draft", None, told(drafts, "repeated_4grams"), None),
        ("- in what people wrote to the same titles", None, told(people, "repeated_4grams"), None),
        ("drafts with a loop", None, told(drafts, "loops"), None),
        ("- in what people wrote to the same titles", None, told(people, "loops"), None),
        ("words a draft", None, told(drafts, "words", 0), None),
        ("at temperature 0.7: drafts that end", None, told(cool, "ended"), None),
        ("at temperature 0.7: repeated 4-grams within a draft", None, told(cool, "repeated_4grams"), None),
        ("at temperature 0.7: drafts with a loop", None, told(cool, "loops"), None),
        ("longest run of words shared with pre-training text", None, _run(copied.get("drafts")), None),
        ("- in what people wrote to the same titles", None, _run(copied.get("people")), None),
        ("8-grams of drafts that stand in pre-training text", None, number((copied.get("drafts") or {}).get("share_8gram"), 4), None),
        ("- in what people wrote to the same titles", None, number((copied.get("people") or {}).get("share_8gram"), 4), None),
        ("parameters", None, f"{figures['parameters']:,}", None),
        ("weights in bf16, MB", figures["bf16_bytes"] / 1e6, number(figures["bf16_bytes"] / 1e6, 1), WANTED["size"]),
        ("tokens per second of drafting", None, number(drafts["tokens_per_second"], 0), None),
    ]
    return [(name, wanted[2] if wanted else "", shown,
             None if wanted is None or value is None else (value <= wanted[1] if wanted[0] == "<=" else value >= wanted[1]))
            for name, value, shown, wanted in rows]


def _run(copied: dict[str, Any] | None) -> str:
    longest = (copied or {}).get("longest_run_words")
    return "not measured" if longest is None else f"{longest} words"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows))


def markdown(answer: dict[str, Any]) -> str:
    """The whole result as Markdown."""
    judged, names = answer["bases"], list(answer["bases"])
    by_base = [measures(judged[name]) for name in names]
    reached = {True: "yes", False: "**no**", None: ""}
    first = [[row[0], row[1], reached[row[3]], *(other[n][2] for other in by_base)] for n, row in enumerate(by_base[0])]
    parts = [f"`{answer['command']}`", answer["machine"], *answer["notes"], table(["measure", "to reach", "reached", *names], first)]
    if answer["scale"]:
        columns, sizes = answer["scale"]["columns"], answer["scale"]["bytes"]
        rows = [[source, f"{size:,}", *(number(column["by_source"][source]["value"]) for column in columns.values())]
                for source, size in sizes.items()]
        rows += [[f"**mean over {label} sources**", "", *(number(column[key]["value"]) for column in columns.values())]
                 for label, key in (("modern", "modern"), ("all", "all"))]
        parts += ["## The same bytes for all", "Bits per byte. " + answer["scale"]["note"], table(["source", "bytes", *columns], rows)]
    archives = sorted(judged[names[0]]["archives"]["by_source"])
    if archives:
        rows = [[name, *(cell for base in names for cell in (
            told(judged[base]["archives"]["by_source"][name]),
            told(judged[base]["in_context"]["archives"].get(name, {"value": None}))))] for name in archives]
        head = ["archive", *(f"{base}: {what}" for base in names for what in ("bits per byte", "in-context gain, nats per token"))]
        parts += ["## Archives", table(head, rows)]
    return "\n\n".join(parts) + "\n"


def notes(settings: JudgeSettings, missing: Sequence[str], judged: Mapping[str, Any]) -> list[str]:
    """What was measured how, what was searched, and what was skipped."""
    lines = [
        f"{settings.documents} held-out documents for bits per byte ({settings.text_tokens:,} tokens of title and text at most), "
        f"{settings.titles} for titles (the first {settings.loss_tokens} tokens of a text), {settings.drafts} drafts "
        f"(sampled as the base's own generation settings say, else at 0.7 and top_p 0.95; at most {settings.draft_tokens} tokens), "
        f"as even over the sources as they allow; {settings.pieces} pieces of each "
        "archive. In-context gain: the loss after three pieces of another archive less that after three of the same, as many tokens of "
        f"them, within {settings.context:,} tokens or the base's own context. What people wrote is cut to the mean length of the drafts. "
        "In brackets: 95 % intervals over texts."]
    copied = next(iter(judged.values()))["drafts"]["memorised"]
    if copied:
        lines.append(f"Shared runs were looked for in {copied['searched_words']:,} words of pre-training text, a weighted draw of it.")
    return [*lines, *(f"Skipped: {name} is not there." for name in missing)]


def label(name: str, taken: Iterable[str] = ()) -> str:
    """A base's name without the way to it on this machine, with a number where the name is taken."""
    own = Path(name).resolve().name if Path(name).expanduser().is_dir() else name
    return next(one for n in count(1) if (one := own if n == 1 else f"{own}-{n}") not in taken)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", default=STARTER)
    parser.add_argument("--beside", nargs="*", default=[str(DATA / "bases" / "stories260k")], help="other bases for the same tables")
    parser.add_argument("--corpus", nargs="*", type=Path, default=[DATA / "pretrain" / f"mix-{n}.jsonl.zst" for n in range(3)])
    parser.add_argument("--archives", nargs="*", type=Path, default=[DATA / "brands" / f"{name}" for name in BRANDS])
    parser.add_argument("--training-mb", type=float, default=24.0, help="of pre-training text to count n-grams on and to look for runs in")
    parser.add_argument("--share", type=float, default=1.0, help="of all counts, for a trial")
    parser.add_argument("--drafts-anew", action="store_true", help="of the same weights, sampled otherwise; the other figures stay")
    parser.add_argument("--out", type=Path, help="default: benchmarks/results; nothing is written for a --share below 1 without it")
    return parser.parse_args()


def main() -> None:
    said, began = parsed(), time.monotonic()
    settings = replace(JudgeSettings(), **{name: max(4, round(getattr(JudgeSettings(), name) * said.share))
                                           for name in ("documents", "pieces", "titles", "drafts")})
    missing = [path.name for path in (*said.corpus, *said.archives, *map(Path, said.beside)) if not path.exists()]
    for name in missing:
        print(f"skipped: {name} is not there")
    corpus, archives = ([path for path in paths if path.exists()] for paths in (said.corpus, said.archives))
    bases: dict[str, Base] = {}
    for name in (said.base, *(name for name in said.beside if Path(name).exists())):
        bases[label(name, bases)] = load_base(name)
    held, training, total = sampled(read_documents(corpus), round(said.training_mb * said.share * 1e6))
    pages, drawn = [page_of(document) for document in held], [page_of(document) for document in training]
    pieces = archive_pages(archives)
    print(f"{len(pages):,} held-out documents, {len(drawn):,} to search, {sum(map(len, pieces.values())):,} pieces", flush=True)
    judged, last = {}, json.loads((HERE / "results" / "starter.json").read_text()) if said.drafts_anew else {}
    for name, base in bases.items():
        texts, kept = [one.text for one in drawn], last.get("bases", {}).get(name, {})
        if last and (kept.get("hash") != base.hash or last["settings"] != asdict(settings)):
            raise SystemExit(f"{name}: the last results are of other weights or settings: measure all of it")
        judged[name] = kept | judged_drafts(base, pages, texts, settings) if last else judge_base(
            base, pages, pieces, texts, settings, lambda what, done, of, note="", name=name: print(f"{name}: {note or 'done'}", flush=True))
        judged[name]["base"] = name
        for part in (judged[name]["drafts"]["memorised"] or {}).values():
            if isinstance(part, dict):
                part.pop("longest_run")  # words of the corpus stay where they are
    compared = last.get("scale", {})
    if pages and not last:
        chosen = [cut(one) for one in spread(pages, settings.documents, settings.seed)]
        size = sum(len(one.text.encode("utf-8")) for one in drawn)
        compared = scale(bases, chosen, drawn, settings)
        compared["note"] = (f"The first {SCALE_BYTES:,} bytes of {len(chosen)} documents; n-grams (Witten-Bell) of {size / 1e6:.1f} of "
                            f"{total / 1e6:,.0f} MB of pre-training text, drawn as training weighs it; xz and gzip on the texts of a "
                            "source as one stream.")
    answer = {"command": command(said), "machine": machine(), "settings": asdict(settings), "notes": notes(settings, missing, judged),
              "bases": judged, "scale": compared, "seconds": time.monotonic() - began}
    print(markdown(answer))
    out = said.out or (HERE / "results" if said.share >= 1 else None)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        (out / "starter.json").write_text(json.dumps(answer, indent=1), encoding="utf-8")
        (out / "starter.md").write_text(markdown(answer), encoding="utf-8")


def command(said: argparse.Namespace) -> str:
    return "python benchmarks/starter.py" + (f" --base {label(said.base)}" if said.base != STARTER else "") + (
        f" --training-mb {said.training_mb:g}" if said.training_mb != 24 else "") + (f" --share {said.share:g}" if said.share != 1 else "")


def machine() -> str:
    version = torch.__version__.split("+")[0]
    return (f"{os.cpu_count()} CPU cores ({platform.machine()}), {torch.get_num_threads()} threads, torch {version}, "
            f"load {os.getloadavg()[0]:.1f} at the end.")


if __name__ == "__main__":
    main()
