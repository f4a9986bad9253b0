"""The token engine beside PEFT's mixed batch and transformers' continuous batching, on the same base, adapters and prompts.

    python benchmarks/serve_engine.py [--base starter|made|FOLDER] [--device cpu|cuda] [--rounds 5] [--only mixed zipf first peers]

mixed   16 prompts of different lengths, 48 tokens each, greedy: eight LoRA adapters by PEFT (adapter_names) and by the engine, one adapter
        alone, the base alone, 16 LoRA, and 12 LoRA with 4 prefixes; one round of each after the other, best of the rounds
zipf    16 rows kept busy with 32-token answers: 8 adapters, and 1,000 registered ones by Zipf's law with 64 in memory
first   time to the first token: one client, and 16 clients who begin at moments of their own and ask again as soon as they are answered;
        beside it, without a mark, all 16 at the same moment, whose prompts have to be read one after the other
peers   the base alone beside transformers' own continuous batching (generate_batch), the same prompts and tokens

Adapters are LoRA of rank 16 on all layers with drawn weights, so that each writes otherwise. The 1,000 are 25 files under 1,000 names
(hard links), each read, checked and kept like any other. Writes serve_engine.{md,json} to benchmarks/results, on CUDA serve_engine_gpu;
exits 1 where the engine misses a mark.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "src"))

import torch  # noqa: E402

from adtune.engine.bases import Base, load_base  # noqa: E402
from adtune.engine.devices import Form  # noqa: E402
from adtune.engine.methods import attach  # noqa: E402
from adtune.engine.serving import AdapterRef, TokenEngine, TokenRequest  # noqa: E402
from adtune.records import Brief  # noqa: E402

ROWS, TOKENS, RANK, ADAPTERS, PREFIXES = 16, 48, 16, 16, 4
PARTS = ("mixed", "zipf", "first", "peers")
BASE = AdapterRef("base", None)
TOPICS = ("How to keep roses through the winter", "What a pay slip says", "Spring", "Five ways to cook a pumpkin without an oven at hand",
          "The museum opens late", "Bread", "Why a good bicycle is worth its price in a city of hills", "Our new range of garden chairs")
MARKS = {"to PEFT's mixed batch": ("at least", 3.0), "one adapter's time to 16 LoRA and prefix mixed": ("at most", 1.3),
         "1,000 adapters to 8": ("at least", 0.7), "first token, p95 of 16 clients to one": ("at most", 2.5)}


def made_base(folder: Path) -> Path:
    """A drawn Qwen3 of 0.8 billion parameters with the starter's tokenizer: speed asks for a size, not for sense."""
    import shutil

    from transformers import Qwen3Config, Qwen3ForCausalLM

    from adtune.starter import base_path

    config = Qwen3Config(vocab_size=8192, hidden_size=2048, num_hidden_layers=16, num_attention_heads=16, num_key_value_heads=8,
                         head_dim=128, intermediate_size=6144, max_position_embeddings=4096, tie_word_embeddings=True, eos_token_id=0,
                         pad_token_id=1, bos_token_id=None)
    torch.manual_seed(0)
    Qwen3ForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(base_path("text") / name, folder / name)
    return folder


def prompts(base: Base) -> list[tuple[int, ...]]:
    """16 briefs of 8 to 90 tokens."""
    made = []
    for n in range(ROWS):
        facts = tuple(f"{TOPICS[(n + k) % 8]}, said in one line" for k in range(n % 5))
        made.append(tuple(base.renderer.brief(Brief(TOPICS[n % 8], "advice" if n % 2 else None, None, None, facts))))
    return made


def write_adapters(base: Base, folder: Path) -> tuple[list[AdapterRef], list[AdapterRef]]:
    """Drawn LoRAs and prefixes, in PEFT's folders."""
    out: dict[str, list[AdapterRef]] = {"lora": [], "prefix": []}
    for name, count in (("lora", ADAPTERS + 9), ("prefix", PREFIXES)):
        for n in range(count):
            torch.manual_seed(n)
            options = {"rank": RANK, "alpha": 2 * RANK, "dropout": 0.0, "prefix_tokens": 16}
            method = attach(name, base, options, [*base.renderer.start, *range(20 + 16 * n, 60 + 16 * n)])
            with torch.no_grad():
                for key, tensor in method.tensors.items():
                    tensor.add_(torch.randn(tensor.shape).to(tensor.device), alpha=0.02 if key.endswith("lora_B") else 0.002)
            method.save(folder / f"{name}-{n}")
            method.detach()
            out[name].append(AdapterRef(f"{name}-{n}", folder / f"{name}-{n}"))
    return out["lora"], out["prefix"]


def answer_all(engine: TokenEngine, refs: Sequence[AdapterRef], asked: Sequence[tuple[int, ...]]) -> tuple[float, list[list[int]]]:
    """(seconds, ids) of all prompts at once, prompt n with adapter n modulo their number."""
    began = time.perf_counter()
    tickets = [engine.submit(TokenRequest(ids, refs[n % len(refs)], "client", TOKENS)) for n, ids in enumerate(asked)]
    answers = [list(ticket.result().ids) for ticket in tickets]
    return time.perf_counter() - began, answers


def plain_model(base: Base) -> Any:
    """The same base as any program loads it, without what adtune does to it."""
    from transformers import AutoModelForCausalLM

    from adtune.starter import base_path

    return AutoModelForCausalLM.from_pretrained(base.place or base_path("text"), dtype=base.dtype).to(base.device).eval()


def peft_arm(base: Base, refs: Sequence[AdapterRef], asked: Sequence[tuple[int, ...]]) -> Callable[[], tuple[float, list[list[int]]]]:
    """PEFT's mixed batch over the same weights: `generate(adapter_names=...)`, prompts padded on the left."""
    from peft import PeftModel

    model = plain_model(base)
    for n, ref in enumerate(refs):
        if n:
            model.load_adapter(str(ref.folder), adapter_name=str(n))
        else:
            model = PeftModel.from_pretrained(model, str(ref.folder), adapter_name="0")
    model = model.to(base.device, base.dtype).eval()
    width = max(map(len, asked))
    ids = torch.tensor([[0] * (width - len(one)) + list(one) for one in asked], device=base.device)
    mask = torch.tensor([[0] * (width - len(one)) + [1] * len(one) for one in asked], device=base.device)
    names = [str(n % len(refs)) for n in range(len(asked))]

    def run() -> tuple[float, list[list[int]]]:
        began = time.perf_counter()
        with torch.inference_mode():
            out = model.generate(input_ids=ids, attention_mask=mask, adapter_names=names, max_new_tokens=TOKENS, min_new_tokens=TOKENS,
                                 do_sample=False, eos_token_id=None, pad_token_id=0)
        written = out[:, width:].tolist()
        return time.perf_counter() - began, written

    return run


def mixed(base: Base, engine: TokenEngine, lora: Sequence[AdapterRef], prefix: Sequence[AdapterRef], rounds: int) -> dict[str, Any]:
    asked = prompts(base)
    arms: dict[str, Callable[[], tuple[float, list[list[int]]]]] = {
        "PEFT, 8 adapters": peft_arm(base, lora[:8], asked),
        "engine, 8 adapters": lambda: answer_all(engine, lora[:8], asked),
        "engine, one adapter": lambda: answer_all(engine, lora[:1], asked),
        "engine, base alone": lambda: answer_all(engine, [BASE], asked),
        "engine, 16 LoRA": lambda: answer_all(engine, lora[:16], asked),
        "engine, 12 LoRA and 4 prefixes": lambda: answer_all(engine, [*lora[:12], *prefix], asked)}
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    worked: dict[str, list[float]] = {name: [] for name in arms}
    texts: dict[str, list[list[int]]] = {}
    for turn in range(rounds + 1):  # the first one loads and warms
        for name, run in arms.items():
            began = time.process_time()
            took, texts[name] = run()
            if turn:
                seconds[name].append(took)
                worked[name].append(time.process_time() - began)
    speed = {name: ROWS * TOKENS / min(took) for name, took in seconds.items()}
    pairs = [p / e for p, e in zip(seconds["PEFT, 8 adapters"], seconds["engine, 8 adapters"], strict=True)]
    mixture = [m / o for m, o in zip(seconds["engine, 12 LoRA and 4 prefixes"], seconds["engine, one adapter"], strict=True)]
    same = sum(a == b for a, b in zip(texts["PEFT, 8 adapters"], texts["engine, 8 adapters"], strict=True))
    return {"tokens_per_second": speed, "seconds": seconds, "same_answers": same, "answers": ROWS,
            "processor_seconds": {name: min(took) for name, took in worked.items()},
            "to PEFT's mixed batch": statistics.median(pairs),
            "one adapter's time to 16 LoRA and prefix mixed": statistics.median(mixture)}


def kept_busy(engine: TokenEngine, asked: Sequence[tuple[int, ...]], refs: Sequence[AdapterRef], tokens: int = 32) -> float:
    """Tokens a second with two requests waiting or written for every row, until one with each of `refs` is answered."""
    slots, began, done = threading.Semaphore(2 * ROWS), time.perf_counter(), []

    def heard(event: Any) -> None:
        if event.finish_reason:
            slots.release()

    for n, ref in enumerate(refs):
        slots.acquire()
        done.append(engine.submit(TokenRequest(asked[n % len(asked)], ref, ref.key, tokens), heard))
    for _ in range(2 * ROWS):
        slots.acquire()
    return sum(ticket.usage.completion_tokens for ticket in done) / (time.perf_counter() - began)


def zipf(base: Base, lora: Sequence[AdapterRef], folder: Path, rounds: int) -> dict[str, Any]:
    asked, rng, registered = prompts(base), random.Random(0), []
    for n in range(1000):
        place, source = folder / f"client-{n}", lora[n % len(lora)].folder
        place.mkdir()
        for name in ("adapter_model.safetensors", "adapter_config.json"):
            os.link(source / name, place / name)  # type: ignore[operator]
        registered.append(AdapterRef(f"client-{n}", place))
    traffic = {"8 adapters": lambda: rng.choices(registered[:8], k=160),
               "1,000 adapters": lambda: rng.choices(registered, [1 / (n + 1) for n in range(1000)], k=160)}
    speed: dict[str, list[float]] = {name: [] for name in traffic}
    stats: dict[str, Any] = {}
    for name in traffic:
        with TokenEngine(base, rows=ROWS, adapters=64) as engine:
            engine.ends = frozenset()
            kept_busy(engine, asked, traffic[name]())
            speed[name] = [kept_busy(engine, asked, traffic[name]()) for _ in range(rounds)]
            stats[name] = engine.stats()["adapters"]
    return {"tokens_per_second": speed, "adapters": stats,
            "1,000 adapters to 8": statistics.median(speed["1,000 adapters"]) / statistics.median(speed["8 adapters"])}


def first_tokens(engine: TokenEngine, asked: Sequence[tuple[int, ...]], refs: Sequence[AdapterRef], clients: int, count: int,
                 within: float = 0.0) -> list[float]:
    """Seconds to the first token of `count` requests by clients that ask, are answered, and ask again; the first time at some moment of
    the first `within` seconds."""
    waits: list[float] = []

    def client(number: int) -> None:
        rng = random.Random(number)
        time.sleep(within * rng.random())
        for _ in range(count // clients):
            began, ids = time.perf_counter(), rng.choice(asked)
            ticket = engine.submit(TokenRequest(ids, refs[number % len(refs)], f"client {number}", rng.randint(TOKENS // 3, TOKENS)))
            for n, _ in enumerate(ticket):
                if not n:
                    waits.append(time.perf_counter() - began)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(waits)


def first(base: Base, lora: Sequence[AdapterRef]) -> dict[str, Any]:
    asked, found = prompts(base), {}
    with TokenEngine(base, rows=ROWS, adapters=64, cache_tokens=0) as engine:  # what is cached would not be read
        engine.ends = frozenset()
        first_tokens(engine, asked, lora[:16], 16, 32)
        began = time.perf_counter()
        found[1] = first_tokens(engine, asked, lora[:16], 1, 40)
        found[16] = first_tokens(engine, asked, lora[:16], 16, 320, within=4 * (time.perf_counter() - began) / 40)
        found[1] += first_tokens(engine, asked, lora[:16], 1, 40)
        burst = [wait for _ in range(3) for wait in first_tokens(engine, asked, lora[:16], 16, 16)]
    p95 = {clients: sorted(waits)[int(0.95 * len(waits))] for clients, waits in found.items()}
    return {"p50_seconds": {clients: statistics.median(waits) for clients, waits in found.items()}, "p95_seconds": p95,
            "burst_p50_seconds": statistics.median(burst), "burst_p95_seconds": sorted(burst)[int(0.95 * len(burst))],
            "first token, p95 of 16 clients to one": p95[16] / p95[1]}


def peers(base: Base, engine: TokenEngine, rounds: int) -> dict[str, Any]:
    """transformers' continuous batching, which knows no adapters, on the base alone."""
    from transformers import GenerationConfig

    model, asked = plain_model(base), prompts(base)
    settings = GenerationConfig(max_new_tokens=TOKENS, do_sample=False, eos_token_id=-1, pad_token_id=0)
    seconds: dict[str, list[float]] = {"transformers": [], "engine": []}
    texts: dict[str, list[list[int]]] = {}
    for turn in range(rounds + 1):
        began = time.perf_counter()
        out = model.generate_batch(inputs=[list(one) for one in asked], generation_config=settings, progress_bar=False)
        took = {"transformers": time.perf_counter() - began}
        order = [out[f"req_{n}"] for n in range(ROWS)] if "req_0" in out else list(out.values())
        texts["transformers"] = [list(one.generated_tokens) for one in order]
        took["engine"], texts["engine"] = answer_all(engine, [BASE], asked)
        for name, value in took.items():
            if turn:
                seconds[name].append(value)
    same = sum(a == b for a, b in zip(texts["transformers"], texts["engine"], strict=True))
    return {"tokens_per_second": {name: ROWS * TOKENS / min(took) for name, took in seconds.items()}, "same_answers": same, "answers": ROWS}


def report(found: dict[str, Any], said: argparse.Namespace) -> str:
    """The results as Markdown."""
    place = torch.cuda.get_device_name(0) if said.device == "cuda" else f"{torch.get_num_threads()} threads of a CPU"
    lines = [f"`python benchmarks/serve_engine.py --base {Path(said.base).name} --device {said.device}`, {place}. "
             f"Missed: {', '.join(found['missed']) or 'nothing'}.", "", "| measured | mark | found |", "| --- | --- | --- |"]
    for name, (word, limit) in MARKS.items():
        value = next((part[name] for part in found.values() if isinstance(part, dict) and name in part), None)
        lines.append(f"| {name} | {word} {limit:g} | {'not measured' if value is None else f'{value:.2f}'} |")
    for part, what in (("mixed", "16 rows, 48 tokens each"), ("peers", "the base alone, 16 rows")):
        if part in found:
            worked = found[part].get("processor_seconds", {})
            lines += ["", f"| {what} | tokens/s | processor seconds |", "| --- | --- | --- |"]
            lines += [f"| {name} | {value:,.0f} | {format(worked[name], '.2f') if name in worked else ''} |"
                      for name, value in found[part]["tokens_per_second"].items()]
            lines += ["", f"The same tokens as the other engine's: {found[part]['same_answers']} of {found[part]['answers']} answers."]
    if "zipf" in found:
        shown = {name: statistics.median(values) for name, values in found["zipf"]["tokens_per_second"].items()}
        rates = {name: stats["hit_rate"] for name, stats in found["zipf"]["adapters"].items()}
        lines += ["", *(f"{name}: {value:,.0f} tokens/s, found in memory {rates[name]:.0%}." for name, value in shown.items())]
    if "first" in found:
        late = found["first"]["p95_seconds"]
        lines += ["", *(f"First token, {clients} client(s): median {1000 * value:.0f} ms, p95 {1000 * late[clients]:.0f} ms."
                        for clients, value in found["first"]["p50_seconds"].items())]
        if "burst_p95_seconds" in found["first"]:
            lines += ["", f"First token, 16 requests at the same moment: median {1000 * found['first']['burst_p50_seconds']:.0f} ms, "
                          f"p95 {1000 * found['first']['burst_p95_seconds']:.0f} ms."]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="starter", help="starter, made (0.8 billion drawn parameters), a folder or a hub id")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--fp32", action="store_true", help="weights in fp32 on a GPU too")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=PARTS, help="measure these again, keep the others' results")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    said = parser.parse_args()
    target = said.out / ("serve_engine" + ("_gpu" if said.device == "cuda" else "") + ("_made" if said.base == "made" else ""))
    kept = target.with_suffix(".json")
    found: dict[str, Any] = {name: part for name, part in (json.loads(kept.read_text()) if kept.exists() else {}).items()
                             if name in PARTS and name not in said.only}
    with tempfile.TemporaryDirectory() as name:
        base = load_base(str(made_base(Path(name) / "made")) if said.base == "made" else said.base, form=Form(said.device, fp32=said.fp32))
        lora, prefix = write_adapters(base, Path(name))
        if "mixed" in said.only or "peers" in said.only:
            with TokenEngine(base, rows=ROWS, adapters=64, cache_tokens=0) as engine:
                engine.ends = frozenset()  # every answer has its 48 tokens
                if "mixed" in said.only:
                    found["mixed"] = mixed(base, engine, lora, prefix, said.rounds)
                if "peers" in said.only:
                    found["peers"] = peers(base, engine, said.rounds)
        if "zipf" in said.only:
            found["zipf"] = zipf(base, lora, Path(name), said.rounds)
        if "first" in said.only:
            found["first"] = first(base, lora)
    values = {key: value for part in found.values() for key, value in part.items() if key in MARKS}
    found["missed"] = [key for key, value in values.items() if (value < MARKS[key][1]) == (MARKS[key][0] == "at least")]
    said.out.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(found, indent=1) + "\n")
    target.with_suffix(".md").write_text(report(found, said))
    print(report(found, said))
    return 1 if found["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
