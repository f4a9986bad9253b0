"""Bases for the tests of the engine: loaded once, and checked after every test to be as they were before."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

from made_bases import SHAPES, make_base  # noqa: E402

from adtune.engine.bases import load_base, weight_hash  # noqa: E402
from adtune.starter import base_path  # noqa: E402

STORIES = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "bases" / "stories260k"
LOADED = {}


def _load(kind, folder):
    if kind == "stories260k":
        if not STORIES.is_dir():
            pytest.skip("stories260k is not on this machine")
        return load_base(str(STORIES))
    if kind == "starter":
        if not (base_path("text") / "config.json").is_file():
            pytest.skip("this checkout ships no starter")
        return load_base()
    return make_base(kind, folder / kind)


@pytest.fixture(scope="session")
def bases_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bases")


@pytest.fixture
def base_of(bases_folder):
    """Gives a base by kind; fails a test that leaves a base changed, and loads it anew for the next one."""
    given = []

    def get(kind):
        if kind not in LOADED:
            LOADED[kind] = _load(kind, bases_folder)
        given.append(kind)
        return LOADED[kind]

    yield get
    changed = [kind for kind in set(given) if weight_hash(LOADED[kind].model) != LOADED[kind].hash
               or any(p.requires_grad or p.grad is not None for p in LOADED[kind].model.parameters())]
    for kind in changed:
        del LOADED[kind]
    assert not changed, "the test left its base changed"


@pytest.fixture(params=sorted(SHAPES))
def base(request, base_of):
    """Every tiny architecture."""
    return base_of(request.param)


@pytest.fixture(params=[*sorted(SHAPES), "stories260k", "starter"])
def any_base(request, base_of):
    """The tiny architectures, a real small base, and the shipped starter."""
    return base_of(request.param)


@pytest.fixture
def llama(base_of):
    return base_of("llama")


@pytest.fixture(params=["cuda", "mps"])
def gpu(request):
    """Every kind of GPU of this machine."""
    if not (torch.cuda.is_available() if request.param == "cuda" else torch.backends.mps.is_available()):
        pytest.skip(f"torch finds no {request.param} device on this machine")
    return request.param


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)
