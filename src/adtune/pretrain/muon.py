"""Muon on a CPU: the step of torch.optim.Muon, with its Newton-Schulz iteration in the precision of the weights.

torch iterates in bfloat16, which a GPU multiplies fast. Most CPUs multiply it many times slower than fp32, and the iteration is then most
of a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch


def muon(matrices: Sequence[torch.nn.Parameter], rate: float, weight_decay: float) -> torch.optim.Muon:
    """The optimizer for matrices on the device where they lie; steps are as long as AdamW's."""
    kind = CpuMuon if all(matrix.device.type == "cpu" for matrix in matrices) else torch.optim.Muon
    return kind(matrices, lr=rate, weight_decay=weight_decay, momentum=0.95, adjust_lr_fn="match_rms_adamw")


class CpuMuon(torch.optim.Muon):
    """torch.optim.Muon with the same settings and state; always with Nesterov's momentum and steps as long as AdamW's."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:
        """One step; a closure is not taken, for nothing here has one."""
        assert closure is None
        for group in self.param_groups:
            matrices: list[torch.Tensor] = []
            slopes: list[torch.Tensor] = []
            momenta: list[torch.Tensor] = []
            self._init_group(group, matrices, slopes, momenta)
            for matrix, slope, momentum in zip(matrices, slopes, momenta, strict=True):
                momentum.lerp_(slope, 1 - group["momentum"])
                update = orthogonal(slope.lerp(momentum, group["momentum"]), group)
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(update, alpha=-group["lr"] * 0.2 * math.sqrt(max(matrix.shape)))


def orthogonal(matrix: torch.Tensor, group: dict[str, Any]) -> torch.Tensor:
    """The matrix with singular values near 1, by the group's coefficients and steps."""
    a, b, c = group["ns_coefficients"]
    tall = matrix.size(0) > matrix.size(1)
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=group["eps"])
    for _ in range(group["ns_steps"]):
        square = x @ x.T
        x = torch.addmm(x, torch.addmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x
