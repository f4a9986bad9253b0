"""`adtune pretrain response`: a response base from generated advertisers, no data needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, Interrupted, SettingError
from ..progress import Progress, silent

if TYPE_CHECKING:
    from ..pretrain.response import PretrainLog

OPTIONS = ("minutes", "steps", "advertisers", "seed", "rate", "width", "layers", "general", "device", "start_from", "mean", "out")


def pretrain_response(options: Mapping[str, Any], progress: Progress = silent, stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Pre-train a response base into the folder `out`. Options: minutes or steps, advertisers a step, seed, rate, width, layers, general,
    device, start_from (a base to go on from, at its own shape), mean (true: of its weights and the new ones). Raises SettingError,
    BaseModelError for a start that is no base, InputError for an `out` that holds something else, Interrupted when stopped (nothing is
    kept)."""
    from ..engine.devices import choose
    from ..engine.response.base import load_response
    from ..engine.response.model import Shape
    from ..pretrain.response import ResponsePlan, finish, pretrain

    said = {name: value for name, value in options.items() if value is not None}
    for name, value in said.items():
        if name not in OPTIONS:
            raise SettingError("--set", f"the setting '{name}'", "one of " + ", ".join(OPTIONS), "Leave it out.")
        if name not in ("out", "device", "start_from", "mean") and not (isinstance(value, int | float) and value > 0) and name != "seed":
            raise SettingError("--set", f"{name} = {value}", "a number above 0", "Leave it out for the default.")
    out = Path(said.pop("out", "starter-response"))
    if out.is_file() or out.is_dir() and any(out.iterdir()) and not (out / "figures.json").is_file():
        raise InputError("--out", f"{out} holds other files", "a new folder, or that of an earlier pre-training", "Name another folder.")
    if said.get("mean") and "start_from" not in said:
        raise SettingError("--set mean", "no start_from", "a base whose weights to take the mean with", "Add --set start_from=starter.")
    if "start_from" in said and {"width", "layers", "general"} & said.keys():
        raise SettingError("--set start_from", "a width, layers or general beside it", "one or the other",
                           "Leave them out: a base that is gone on from keeps its shape.")
    shape = Shape(int(said.pop("width", Shape.width)), 4, int(said.pop("layers", Shape.layers)), int(said.pop("general", Shape.general)))
    if shape.width % shape.heads:
        raise SettingError("--set width", str(shape.width), f"a multiple of {shape.heads}", "Leave it out for the default.")
    device = choose(said.pop("device", "cpu")).kind
    plan = ResponsePlan(**{"minutes": 20.0, **said, "device": device, "shape": shape})

    def tell(log: PretrainLog, share: float) -> None:
        late = log.losses[-20:]
        progress("pretrain response", share, 1.0,
                 f"step {log.steps:,}  loss {sum(late) / max(len(late), 1):.3f}  {log.advertisers:,} advertisers")

    net, log = pretrain(plan, tell, stop)
    if stop():
        raise Interrupted("stopped; an unfinished base is not kept", "pretrain response")
    figures = finish(net, log, plan, out)
    base = load_response(str(out))
    return {"base": str(out), "parameters": base.parameters, "tokens": log.rows, "seconds": log.seconds, "bits_per_byte": None,
            "advertisers": log.advertisers, "steps": log.steps, "excess": figures["excess"], "hash": base.hash, "notes": []}
