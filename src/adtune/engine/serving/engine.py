"""The token engine: continuous batching of rows with different adapters, on the CPU or one GPU, in a thread of its own.

A step runs the model once over the newest token of every row that is written and the next runs of the prompts that are read. Between steps
rows leave that ended or were cancelled, and waiting requests join: clients with fewer rows first, then the older request, once the adapter
is in memory. While the engine lives, its base's linear layers are wrapped; `close` gives the base back as it was.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import torch

from ...errors import AdtuneError, BaseModelError, BusyError, InputError, TrainingError
from ..bases import Base
from .adapters import Adapters
from .fits import fit_rows, forward
from .gathered import Mix
from .prompts import Prompts
from .requests import Ticket, TokenEvent, TokenRequest
from .row import Row
from .rows import Pass, Rows, Run
from .sampling import draw, logprobs
from .schema import Schemas

CACHE_TOKENS = 16_384
QUEUE = 256
ALONE, BESIDE = 256, 192           # tokens of prompts in a step: while nobody writes, and beside rows that wait for their next token
GPU_ALONE, GPU_BESIDE = 4096, 1024


class TokenEngine:
    """Serves tokens of one base and many adapters. `rows` are written at the same time, `adapters` kept in memory, `cache_tokens` of
    prompts remembered, `queue` requests wait at most. Raises BaseModelError for a base that rows can't run through."""

    def __init__(self, base: Base, *, rows: int = 16, adapters: int = 64, cache_tokens: int = CACHE_TOKENS, queue: int = QUEUE):
        sites = base.kv_sites
        if not sites or len(sites) != base.model.config.get_text_config().num_hidden_layers or len(set(sites)) != 1:
            raise BaseModelError(base.name, f"key/value sites {sites[:4] or 'none'}",
                                 "one key/value cache of the same shape in every layer", "Serve another base.")
        self.base, self.most_rows, self.most_waiting = base, rows, queue
        self.ends = base.end_ids
        self._rows = Rows((len(sites), *sites[0]), max(rows, 2), torch.empty(0, dtype=base.dtype, device=base.device))
        self._attention = base.model.config._attn_implementation
        self._bank, self.context = fit_rows(base, self._rows)
        self._change = threading.Condition()
        self._adapters = Adapters(base, adapters, self._wake)
        self._prompts, self._schemas = Prompts(cache_tokens), Schemas(base, self.ends)
        self._waiting: list[Row] = []
        self._claimed: set[Row] = set()   # of those waiting
        self._reading: list[Row] = []
        self._writing: list[Row] = []     # in the order of their places in the rows
        self._thread: threading.Thread | None = None
        self._closing = self._stirred = False
        self._count = {"steps": 0, "requests": 0, "finished": 0, "cancelled": 0, "failed": 0, "prompt_tokens": 0, "completion_tokens": 0}
        self._seconds = 0.0

    # what callers do, from any thread

    def submit(self, request: TokenRequest, listen: Callable[[TokenEvent], None] | None = None) -> Ticket:
        """Take a request. Raises InputError for one that can't be served, BusyError where too many wait."""
        request.check()
        room = self.context - len(request.ids)
        if room <= 0:
            raise _too_long(len(request.ids), self.context)
        if not all(0 <= id < self.base.renderer.words for id in request.ids):
            raise InputError("prompt", "an id that is no token", f"ids below {self.base.renderer.words}", "Use the base's tokenizer.")
        matcher = None if request.schema is None else self._schemas.matcher(request.schema)
        ticket = Ticket(request, listen, self._wake)
        row = Row(ticket, matcher, self._decode)
        with self._change:
            if self._closing:
                raise BusyError("token engine", "an engine that is closing", "one that runs", "Start it again.")
            if len(self._waiting) >= self.most_waiting:
                raise BusyError("token engine", f"{len(self._waiting)} waiting requests", f"fewer than {self.most_waiting}",
                                "Try again in a moment.")
            self._waiting.append(row)
            self._count["requests"] += 1
        self._wake()
        return ticket

    def start(self) -> TokenEngine:
        """Begin to serve; what was submitted before waits until now."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="adtune-tokens", daemon=True)
            self._thread.start()
        return self

    def close(self) -> None:
        """Cancel what is under way, and give the base back as it was."""
        with self._change:
            if self._closing:
                return
            self._closing = True
        self._wake()
        if self._thread is not None:
            self._thread.join()
        for row in [*self._waiting, *self._reading, *self._writing]:
            row.leave("cancelled")
        self._adapters.close()
        self._bank.detach()
        self.base.model.set_attn_implementation(self._attention)

    def __enter__(self) -> TokenEngine:
        return self.start()

    def __exit__(self, *why: object) -> None:
        self.close()

    def stats(self) -> dict[str, object]:
        """What is going on: rows, counts since the start, seconds in steps, and the caches with their hit rates."""
        stored = self._rows.stored
        return {"alive": self._thread is not None and self._thread.is_alive(), "rows": self.most_rows, "writing": len(self._writing),
                "reading": len(self._reading), "waiting": len(self._waiting), **self._count, "seconds": self._seconds,
                "context": self.context, "adapters_in_use": len(self._bank.used), "row_bytes": stored.numel() * stored.element_size(),
                "adapters": self._adapters.stats(), "prompts": self._prompts.stats()}

    # what the engine's own thread does

    def _wake(self) -> None:
        with self._change:
            self._stirred = True
            self._change.notify()

    def _decode(self, ids: Sequence[int]) -> str:
        return self.base.tokenizer.decode(ids, skip_special_tokens=True)

    def _run(self) -> None:
        with torch.inference_mode():
            while not self._closing:
                self._stirred = False
                if not self.step():
                    with self._change:
                        self._change.wait_for(lambda: self._stirred)

    def step(self) -> bool:
        """One step; False where there was nothing to run."""
        self._sweep()
        self._join()
        if not self._writing and not self._reading:
            self._rows.release()
            return False
        began = time.perf_counter()
        try:
            self._advance()
        except Exception as error:  # a step that fails takes its rows with it, and the next ones find an engine that runs
            for row in [*self._reading, *self._writing]:
                self._drop(row, "error", _told(error))
            self._rows.stored.zero_()
        self._count["steps"] += 1
        self._seconds += time.perf_counter() - began
        return True

    def _sweep(self) -> None:
        with self._change:
            gone = [row for row in self._waiting if row.ticket.cancelled]
        for row in [*gone, *(row for row in [*self._reading, *self._writing] if row.ticket.cancelled)]:
            self._drop(row, "cancelled")

    def _join(self) -> None:
        """Let waiting requests join while rows are free; ask for the adapters of those that come next."""
        with self._change:
            waiting = list(self._waiting)
        free = self.most_rows - len(self._reading) - len(self._writing)
        if not free and len(self._claimed) >= min(len(waiting), self.most_rows):
            return
        rows: dict[str, int] = {}
        for row in [*self._reading, *self._writing]:
            rows[row.request.client] = rows.get(row.request.client, 0) + 1
        order = {row: n for n, row in enumerate(waiting)}
        known, looked = {name for row in self._reading for name in row.blocks}, 0
        while waiting and looked < self.most_rows:
            row = min(waiting, key=lambda row: (rows.get(row.request.client, 0), order[row]))
            waiting.remove(row)
            looked += 1
            if row not in self._claimed:
                if not self._adapters.claim(row.request.adapter):
                    continue
                self._claimed.add(row)
            if free and self._ready(row) and not self._read_soon(row, known) and self._begin(row):
                free -= 1
                rows[row.request.client] = rows.get(row.request.client, 0) + 1
                known.update(row.blocks)

    def _ready(self, row: Row) -> bool:
        """True where its adapter has been loaded, or failed."""
        try:
            return self._adapters.get(row.request.adapter) is not None
        except AdtuneError:
            return True

    def _read_soon(self, row: Row, known: set[bytes]) -> bool:
        """True where another row is just reading the beginning that this one needs: it then waits a step or two, and finds it."""
        return any(name in known for name in row.blocks[self._prompts.known(row.blocks):][:1]) and self._prompts.most > 0

    def _begin(self, row: Row) -> bool:
        """Give a row what it begins with; False where it can't."""
        try:
            adapter = self._adapters.get(row.request.adapter)
            assert adapter is not None
            before, count, rows = adapter.context_tokens, len(row.prompt), self._rows
            if before + count >= self.context:
                raise _too_long(count, self.context - before)
            row.limit = min(row.request.max_tokens, self.context - before - count)
            held = rows.stored.new_empty(rows.layers, 2, rows.heads, before + count, rows.size)
            if adapter.prefix is not None:
                held[:, :, :, :before] = adapter.prefix
            if adapter.lora:
                self._bank.enter(adapter)
        except Exception as error:
            self._drop(row, "error", _told(error))
            return False
        row.begin(adapter, held, self._prompts.fill(row.blocks, held, before), self.base.device)
        with self._change:
            self._waiting.remove(row)
        self._reading.append(row)
        return True

    def _runs(self) -> list[tuple[Row, int, int]]:
        """(row, first and last token of its prompt) that are read in this step, the oldest rows first."""
        cpu = self.base.device.type == "cpu"
        left = (BESIDE if cpu else GPU_BESIDE) if self._writing else (ALONE if cpu else GPU_ALONE)
        runs = []
        for row in self._reading:
            count = min(left, len(row.prompt) - row.read)
            if count:
                runs.append((row, row.read, row.read + count))
                left -= count
        return runs

    def _advance(self) -> None:
        """Run the model once, and give every row whose next token is known that token."""
        runs, device = self._runs(), self.base.device
        slots = [self._bank.slot(row.gathered) for row in self._writing]
        at = sorted(range(len(slots)), key=lambda n: slots[n] if slots[n] >= 0 else self.most_rows)  # by adapter, rows without one last
        writing = [self._writing[n] for n in at]
        ids, places = [row.written[-1] for row in writing], [row.length for row in writing]
        parts, mixed, ready = [], [], list(range(len(writing)))
        for row, first, last in runs:
            start, before = len(ids), row.length - row.read
            ids += row.prompt[first:last]
            places += range(before + first, before + last)
            parts.append(Run(start, len(ids), before + first, row.held))  # type: ignore[arg-type]
            mixed.append((start, len(ids), self._bank.slot(row.gathered)))
            if last == len(row.prompt):
                ready.append(len(ids) - 1)
        self._rows.reserve(max((row.length + 1 for row in writing), default=0))
        self._bank.current.mix = Mix([slots[n] for n in at], mixed, device) if self._bank.used else None
        try:
            logits = forward(self.base, torch.tensor(ids, device=device), torch.tensor(places),
                             Pass(self._rows, places[:len(writing)], parts, at), torch.tensor(ready, dtype=torch.long, device=device))
        finally:
            self._bank.current.mix = None
        for row in writing:
            row.length += 1
        for row, first, last in runs:
            row.read, row.length = last, row.length + last - first
            self._count["prompt_tokens"] += last - first
        whole = [row for row, _, last in runs if last == len(row.prompt)]
        self._write([*writing, *whole], logits[:, :self.base.renderer.words], set(whole))

    def _write(self, rows: Sequence[Row], logits: torch.Tensor, fresh: set[Row]) -> None:
        """One token for each of the rows, whose logits (B, V) these are; `fresh` ones have just read their prompt."""
        if not rows:
            return
        sound = torch.isfinite(logits.float().sum(-1)).tolist()
        tokens, told = self._choose(rows, logits)
        for row, token, logprob, fine in zip(rows, tokens, told, sound, strict=True):
            try:
                if not fine:
                    raise BaseModelError(f"adapter {row.request.adapter.key[:80]}", "numbers that are not finite", "finite logits",
                                         "Train it again, or serve it on a base in fp32.")
                if row in fresh:
                    self._prompts.keep(row.blocks, row.held, row.length - len(row.prompt))  # type: ignore[arg-type]
                ended = row.take(token, logprob, self.ends)
            except AdtuneError as error:
                self._drop(row, "error", error, wipe=not fine)
                continue
            self._count["completion_tokens"] += 1
            if ended:
                self._drop(row, "finished")
            elif row in fresh:
                self._settle(row)

    def _choose(self, rows: Sequence[Row], logits: torch.Tensor) -> tuple[list[int], list]:
        """A token for each row, and what its caller wants to know of it."""
        plain = logits
        bound = [n for n, row in enumerate(rows) if row.matcher is not None]
        if bound:
            forbidden = torch.stack([rows[n].matcher.forbidden() for n in bound]).to(logits.device)  # type: ignore[union-attr]
            logits = logits.clone()
            logits[bound] = logits[bound].masked_fill(forbidden, -torch.inf)
        tokens = logits.argmax(-1).tolist()
        drawn = [n for n, row in enumerate(rows) if row.generator is not None]
        if drawn:
            asked = [rows[n].request for n in drawn]
            heat, share = (torch.tensor(some, device=logits.device) for some in ([r.temperature for r in asked], [r.top_p for r in asked]))
            for n, token in zip(drawn, draw(logits[drawn], heat, share, [rows[n].generator for n in drawn]), strict=True):
                tokens[n] = token
        told: list = [None] * len(rows)
        curious = [n for n, row in enumerate(rows) if row.request.logprobs is not None]
        if curious:
            found = logprobs(plain[curious], [tokens[n] for n in curious], [rows[n].request.logprobs for n in curious])  # type: ignore[misc]
            for n, one in zip(curious, found, strict=True):
                told[n] = one
        return tokens, told

    def _settle(self, row: Row) -> None:
        """A row whose prompt was read begins to be written, in the first free place."""
        self._reading.remove(row)
        self._rows.reserve(row.length + 1)
        self._rows.settle(len(self._writing), row.held, row.length)  # type: ignore[arg-type]
        self._writing.append(row)
        row.held = None

    def _drop(self, row: Row, reason: str, error: AdtuneError | None = None, wipe: bool = False) -> None:
        """Free what a row has, and tell its caller where it did not end by itself."""
        if row in self._writing:
            place, last = self._writing.index(row), len(self._writing) - 1
            if wipe:
                self._rows.wipe(place)
            if place != last:
                self._rows.move(last, place, self._writing[last].length)
                if wipe:
                    self._rows.wipe(last)
                self._writing[place] = self._writing[last]
            self._writing.pop()
        elif row in self._reading:
            self._reading.remove(row)
        else:
            with self._change:
                self._waiting.remove(row)
        if row.gathered is not None:
            self._bank.leave(row.gathered)
        if row in self._claimed:
            self._claimed.remove(row)
            self._adapters.release(row.request.adapter)
        row.held = None
        counted = {"finished": "finished", "cancelled": "cancelled"}.get(reason, "failed")
        self._count[counted] += 1
        if reason != "finished":
            row.leave(reason, error)


def _told(error: Exception) -> AdtuneError:
    """What a caller is told of an error; one that is not for users by its kind and first words."""
    return error if isinstance(error, AdtuneError) else TrainingError(
        "token engine", f"a step that failed ({type(error).__name__}: {str(error)[:120]})", "a step", "Try again.")


def _too_long(found: int, room: int) -> InputError:
    return InputError("prompt", f"{found} tokens", f"fewer than {room} tokens, the base's context beside the adapter",
                      "Shorten the messages.")
