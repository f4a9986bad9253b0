"""On a CUDA GPU rows are packed where that changes nothing and layers compiled where it pays; elsewhere neither."""

from types import SimpleNamespace

import pytest
import torch

from adtune.engine.tasks.drafting import Row
from adtune.settings import TuneSettings
from adtune.tune import layout
from adtune.tune.layout import Layout, choose_layout, pays_back

ROWS = [Row(tuple(range(n)), 1, n) for n in range(20, 40)]


def prepared():
    return SimpleNamespace(data=SimpleNamespace(train=ROWS))


def test_a_cpu_runs_eagerly_and_padded_whatever_is_asked():
    base = SimpleNamespace(device=torch.device("cpu"))
    assert choose_layout(base, prepared(), TuneSettings(method="lora", compile="on"), True) == Layout(False, False)


@pytest.mark.parametrize("more, seconds, asked, expected", [
    (0.0, 0.0, "auto", Layout(True, False)), (0.0, 1.0, "auto", Layout(True, True)), (0.0, 1.0, "off", Layout(True, False)),
    (0.5, 0.0, "on", Layout(False, True))])
def test_what_is_tried_decides(more, seconds, asked, expected, monkeypatch):
    clock = iter([0.0, seconds])
    monkeypatch.setattr(layout, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(layout, "can_pack", lambda base, taken, dtype: not taken and dtype == torch.bfloat16)
    monkeypatch.setattr(layout, "pack", lambda rows, budget, device: "laid")
    monkeypatch.setattr(layout, "row_nats", lambda base, method, rows, dtype, packed=None: torch.tensor(
        [row.targets * (1.0 + (more if packed else 0.0)) for row in rows]))
    settings = TuneSettings(method="lora", compile=asked, epochs=80, batch_tokens=256, micro_tokens=128)
    assert choose_layout(SimpleNamespace(device=torch.device("cuda")), prepared(), settings, True) == expected


def test_compiling_pays_back_in_long_runs_alone():
    assert not pays_back(60) and pays_back(600)
