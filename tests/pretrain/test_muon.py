"""Muon on a CPU is torch's own, but for the rounding of its iteration."""

import pytest
import torch

from adtune.pretrain.muon import CpuMuon, muon, orthogonal


@pytest.mark.parametrize("shape", [(24, 24), (48, 16), (16, 48)])
def test_steps_are_those_of_torch_up_to_the_rounding_of_bfloat16(shape):
    torch.manual_seed(0)
    start, slopes = torch.randn(shape), [torch.randn(shape) for _ in range(4)]
    ends = []
    for make in (muon, lambda given, rate, decay: torch.optim.Muon(given, lr=rate, weight_decay=decay, momentum=0.95,
                                                                  adjust_lr_fn="match_rms_adamw")):
        matrix = torch.nn.Parameter(start.clone())
        optimizer = make([matrix], 0.05, 0.1)
        for slope in slopes:
            matrix.grad = slope.clone()
            optimizer.step()
        ends.append((matrix.detach(), optimizer.state[matrix]["momentum_buffer"], type(optimizer)))
    (ours, momentum, kind), (theirs, expected, _) = ends
    assert kind is CpuMuon and torch.equal(momentum, expected)
    moved = (theirs - start).norm()
    assert moved > 0.5 and (ours - theirs).norm() < 0.02 * moved


def test_the_iteration_leads_to_singular_values_near_one():
    torch.manual_seed(1)
    group = torch.optim.Muon([torch.nn.Parameter(torch.zeros(2, 2))]).param_groups[0]
    for shape in ((40, 20), (20, 40)):
        found = torch.linalg.svdvals(orthogonal(torch.randn(shape), group))
        assert found.shape == (20,) and found.min() > 0.6 and found.max() < 1.3
    nothing = orthogonal(torch.zeros(3, 5), group)
    assert nothing.shape == (3, 5) and not nothing.any()
