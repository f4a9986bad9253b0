"""A run cannot be lost: exact resume in 24 cases, the arg-min after any kill, changes refused by name, clear failures."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from made_bases import CONTEXT, make_base
from test_fit import PLAN, data, method_of, timeless

from adtune.engine import fit as fit_module
from adtune.engine.fit import Fit
from adtune.engine.packing import MASKED
from adtune.engine.tasks import drafting as loop
from adtune.engine.tasks.drafting import Row
from adtune.errors import InputError, Interrupted, TrainingError
from adtune.records import Stopped

PIECES = 9


def whole_state(fit):
    """Everything that decides the rest of a run."""
    packed = fit.optimizer.state_dict()
    moments = {(n, key): value for n, values in packed["state"].items() for key, value in values.items()}
    return {"weights": fit.method.state(), "best": fit.best, "moments": moments, "rng": torch.get_rng_state()}


def same(one, other):
    for part, tensors in one.items():
        if part == "rng":
            assert torch.equal(tensors, other[part])
        else:
            assert tensors.keys() == other[part].keys()
            assert all(torch.equal(torch.as_tensor(tensors[key]), torch.as_tensor(other[part][key])) for key in tensors), part


def finished(base, name, plan, folder=None, stops=(), rows=None):
    """(the outcome, the whole state just before the best is put back), stopped and gone on with at each of `stops`."""
    at = [*stops, None]
    for number, stop in enumerate(at):
        method = method_of(base, name, dropout=0.2)
        fit = Fit(base, method, rows or data(base, PIECES), plan, folder)
        try:
            torch.manual_seed(number or plan.seed)  # what a new process would have; a checkpoint brings its own
            assert fit.restore() == bool(number)
            seen = []
            method.load_state, put_back = lambda state, f=fit, s=seen: s.append(whole_state(f)), method.load_state
            outcome = fit.run(stop=lambda f=fit, s=stop: f.step == s)
            put_back(fit.best)
            return outcome, seen[0] | {"given back": method.state()}
        except Interrupted:
            assert fit.step == stop
        finally:
            vars(method).pop("load_state", None)
            method.detach()
    raise AssertionError("never finished")


@pytest.fixture
def replayed_often(monkeypatch):
    monkeypatch.setattr(fit_module, "TIMES", 1)


@pytest.mark.usefixtures("replayed_often")
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("kind, name", [("gpt2", "full"), ("llama", "lora"), ("llama", "prefix")])
def test_exact_resume(kind, name, parts, seed, base_of, tmp_path):
    """Mid-epoch and at an epoch's end, whole batches and three micro-batches: 12 runs of 2 stops are 24 cases. General text is replayed
    as it is, and then as the base foretells it."""
    base = base_of(kind)
    plan = replace(PLAN, seed=seed, batch_tokens=192, micro_tokens=192 if parts == 1 else 20)
    method = method_of(base, name)
    fit = Fit(base, method, data(base, PIECES), plan)
    ends = [step for step in range(1, fit.total) if fit.schedule[step][0] != fit.schedule[step - 1][0]]
    middles = [step for step in range(2, fit.total) if step not in ends]
    sizes = [len(loop.split_by_budget(rows, range(len(rows)), plan.micro_tokens)) for rows in map(fit._group, range(fit.total))]
    assert any(row.labels for step in range(ends[0], fit.total) for row in fit._group(step))
    method.detach()
    assert max(sizes) == 1 if parts == 1 else max(sizes) >= 3
    outcome, state = finished(base, name, plan)
    for case, stop in (("middle", middles[len(middles) // 2]), ("end", ends[0])):
        other, resumed = finished(base, name, plan, tmp_path / case, [stop])
        assert other.losses == outcome.losses and timeless(other.evaluations) == timeless(outcome.evaluations)
        assert (other.best.step, other.stopped, other.trained_tokens) == (outcome.best.step, outcome.stopped, outcome.trained_tokens)
        same(state, resumed)


@pytest.mark.parametrize("name", ["full", "lora", "prefix"])
def test_exact_resume_at_the_peak(name, llama, tmp_path):
    """Stopped at the evaluation that is the best one, and again at the one after it."""
    noise = random.Random(3)
    unlike = [Row((0, *(noise.randrange(5, 200) for _ in range(30))), 1, n) for n in range(4)]
    rows, plan = replace(data(llama, PIECES), validation=unlike), replace(PLAN, rate=3e-2, patience=3)
    outcome, state = finished(llama, name, plan, rows=rows)
    assert outcome.stopped is not Stopped.EPOCHS or outcome.best.step < outcome.steps
    peak = max(outcome.best.step, 1)
    other, resumed = finished(llama, name, plan, tmp_path, [peak, peak + 1], rows)
    assert other.losses == outcome.losses and timeless(other.evaluations) == timeless(outcome.evaluations)
    assert other.best.step == outcome.best.step and other.stopped is outcome.stopped
    same(state, resumed)


def step_of(tensors):
    """The step whose tensors these are; a start holds small random numbers."""
    return int(next(iter(tensors.values())).flatten()[0].item())


class Killed(BaseException):
    """No handler of ours sees it: what is on the disk stays as a SIGKILL would leave it."""


def test_the_arg_min_is_given_back_after_any_kill(tmp_path, monkeypatch):
    """100 random schedules of losses, each killed at random moments: in a step, in an evaluation, between two calls of a save.

    A small method on a base of one layer: each of the thousand saves writes every tensor.
    """
    from adtune import durable

    def step(self):
        with torch.no_grad():
            next(iter(self.method.tensors.values())).fill_(float(self.step + 1))
        self.step += 1
        return 1.0

    monkeypatch.setattr(Fit, "train_step", step)
    llama = make_base("llama", tmp_path / "base", num_hidden_layers=1)
    rows, chance = data(llama, PIECES), random.Random(0)
    for number in range(100):
        curve = [chance.choice([chance.uniform(1, 3), 2.0]) for _ in range(40)]
        monkeypatch.setattr(loop, "measure", lambda base, method, some, dtype, c=curve: [(c[step_of(method.tensors)], 1)] * len(some))
        plan = replace(PLAN, patience=chance.choice([2, 4, 99]), batch_tokens=chance.choice([64, 128]))
        folder, ends = tmp_path / f"{number}", []
        for kills in ((), sorted(chance.sample(range(1, 120), 4))):
            clock = [0]

            def tick(*_, k=kills, c=clock):
                c[0] += 1
                if c[0] in k:
                    raise Killed

            monkeypatch.setattr(durable, "watch", tick)
            while True:
                method = method_of(llama, "lora", targets="attention")
                try:
                    f = Fit(llama, method, rows, plan, folder / f"{len(kills)}")
                    f.restore()
                    outcome = f.run(tick)
                    ends.append((outcome, f.best))
                    break
                except Killed:
                    continue
                finally:
                    method.detach()
        (left, best), (killed, other) = ends
        losses = [one.validation_loss for one in left.evaluations]
        assert timeless(killed.evaluations) == timeless(left.evaluations), number
        assert killed.best.validation_loss == min(losses) and killed.best.step == left.best.step
        assert all(torch.equal(best[key], other[key]) for key in best)
        assert step_of(other) == killed.best.step


def changed(base):
    """(the field that a refusal must name, the changed rows or plan)"""
    rows = data(base, PIECES)
    fewer = {"training": "train", "validation": "validation", "replay": "replay", "forgetting": "general"}
    yield from ((word, {"rows": replace(rows, **{part: getattr(rows, part)[:-1]})}) for word, part in fewer.items())
    yield "training", {"rows": replace(rows, train=[rows.train[1], rows.train[0], *rows.train[2:]])}
    masked = replace(rows.train[0], labels=(MASKED, *rows.train[0].learned[1:]))
    yield "training", {"rows": replace(rows, train=[masked, *rows.train[1:]])}
    for name, value in {"rate": 1e-3, "epochs": 4, "seed": 7, "batch_tokens": 64, "micro_tokens": 64, "warmup_share": 0.2, "clip": 2.0,
                        "evaluations": 9, "patience": 3, "replay": 0.3, "bf16": True}.items():
        yield f"setting {name}", {"plan": replace(PLAN, **{name: value})}
    yield "the method", {"method": {"alpha": 4}}
    yield "the base", {"hash": "0" * 64}


def test_a_change_is_refused_by_name(llama, tmp_path):
    method = method_of(llama)
    fit = Fit(llama, method, data(llama, PIECES), PLAN, tmp_path)
    with pytest.raises(Interrupted):
        fit.run(stop=lambda: fit.step == 2)
    method.detach()
    for word, change in changed(llama):
        method = method_of(llama, **change.get("method", {}))
        again = Fit(llama, method, change.get("rows", data(llama, PIECES)), change.get("plan", PLAN), tmp_path)
        if "hash" in change:
            again.base = replace(llama, hash=change["hash"])
        before = method.state()
        with pytest.raises(InputError, match=word):
            again.restore()
        assert again.step == 0 and all(torch.equal(before[key], value) for key, value in method.state().items())
        method.detach()
    method = method_of(llama)
    assert Fit(llama, method, data(llama, PIECES), replace(PLAN, checkpoint_seconds=1.0), tmp_path).restore()  # decides nothing
    method.detach()


def rows_that_fail(base):
    made = data(base, PIECES)
    bare = [replace(row, first=len(row.ids)) for row in made.train]
    long = Row(tuple(range(5, 5 + 7)) * 60, 1, 0)
    return {
        "no training rows": ({"train": ()}, {}, "at least one of each"),
        "no validation rows": ({"validation": ()}, {}, "at least one of each"),
        "all training rows masked": ({"train": bare}, {}, "without a target"),
        "one masked": ({"train": [*made.train, bare[0]]}, {}, "1 of"),
        "validation masked": ({"validation": bare[:2]}, {}, "without a target"), "too long": ({"train": [long]}, {}, f"at most {CONTEXT}"),
        "a long piece to validate on": ({"validation": [long]}, {}, "context"), "a long general text": ({"replay": [long]}, {}, "context"),
        "rate nan": ({}, {"rate": float("nan")}, "rate"), "rate inf": ({}, {"rate": float("inf")}, "rate"),
        "rate 0": ({}, {"rate": 0.0}, "above 0"), "rate below 0": ({}, {"rate": -1.0}, "above 0"),
        "no epochs": ({}, {"epochs": 0}, "epochs"),
        "exploding": ({}, {"rate": 1e30, "warmup_share": 0.0}, "rate"),
    }


@pytest.mark.parametrize("name", ["lora", "full"])
def test_what_cannot_be_trained_fails_clearly_and_leaves_the_base(name, llama):
    for case, (rows, plan, words) in rows_that_fail(llama).items():
        method = method_of(llama, name)
        try:
            with pytest.raises(TrainingError, match=words):
                Fit(llama, method, replace(data(llama, PIECES), **rows), replace(PLAN, **plan)).run()
                pytest.fail(f"{case}: trained")
        finally:
            method.detach()


def test_a_loss_far_above_guessing_ends_a_run_though_it_is_finite(llama):
    method = method_of(llama, "full")
    fit = Fit(llama, method, data(llama, PIECES), replace(PLAN, rate=100.0, clip=1e9, warmup_share=0.0))
    with pytest.raises(TrainingError, match="a loss of at most"):
        fit.run()
    assert fit.step == 1
    method.detach()


@pytest.mark.parametrize("at", ["start", "gradient", "validation"])
def test_no_number_ends_a_run(at, llama, monkeypatch):
    method = method_of(llama)
    fit = Fit(llama, method, data(llama, PIECES), PLAN)
    tensor = next(t for key, t in method.tensors.items() if key.endswith("lora_B"))
    if at == "start":
        with torch.no_grad():
            tensor.fill_(float("nan"))
    elif at == "gradient":
        tensor.register_hook(lambda slope: slope * float("nan"))
    else:
        monkeypatch.setattr(loop, "measure", lambda base, method, rows, dtype: [(float("nan") if fit.step else 2.0, 1)] * len(rows))
    with pytest.raises(TrainingError, match="rate"):
        fit.run()
    assert fit.step < fit.total and not any(t.grad is not None for t in method.tensors.values())
    method.detach()


@pytest.mark.parametrize("train, validation", [(1, 1), (1, 4), (9, 1)])
def test_one_piece_is_enough_for_the_loop(train, validation, llama):
    made, method = data(llama, PIECES), method_of(llama)
    outcome = Fit(llama, method, replace(made, train=made.train[:train], validation=made.validation[:validation]), PLAN).run()
    assert outcome.steps >= PLAN.epochs and outcome.best.validation_loss == min(e.validation_loss for e in outcome.evaluations)
    method.detach()
