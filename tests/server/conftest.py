"""One server for the tests of this folder; each test has the keys that it makes."""

from types import SimpleNamespace

import pytest
from made_server import make_adapter, make_base, pass_gates
from starlette.testclient import TestClient

from adtune.server.app import build, guarded
from adtune.settings import ServeSettings
from adtune.steps.keys import create_key
from adtune.steps.ladder import go_live
from adtune.steps.serving import Service
from adtune.workspace import Workspace

HOST = "http://localhost"


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    return make_base(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="session")
def space(tmp_path_factory, base):
    """A workspace: acme has a live adapter and a second one, other has an adapter and a prefix."""
    with Workspace.open(tmp_path_factory.mktemp("served") / "ws") as ws:
        for client in ("acme", "other", "empty"):
            ws.ensure_client(client)
        ids = {"acme": make_adapter(ws, "acme", base, 1), "second": make_adapter(ws, "acme", base, 2),
               "other": make_adapter(ws, "other", base, 3), "prefix": make_adapter(ws, "other", base, 4, "prefix")}
        pass_gates(ws, "acme", ids["acme"])
        go_live(ws, ids["acme"], "Ann")
        yield SimpleNamespace(ws=ws, ids=ids, base=base)


@pytest.fixture(scope="session")
def service(space):
    settings = ServeSettings(bases=f"tiny={space.base}", rows=4, queue=16, max_tokens=8, body_megabytes=0.1, file_megabytes=0.2)
    made = Service(space.ws, settings)
    yield made
    made.close()


@pytest.fixture(scope="session")
def app(service):
    return build(service)


@pytest.fixture(scope="session")
def http(service):
    """A caller without a key, before the whole application with its guard."""
    with TestClient(guarded(service), base_url=HOST) as client:
        yield client


@pytest.fixture(scope="session")
def key(space):
    """Makes a key of a client's with these scopes."""
    made = {}

    def make(client="acme", *scopes, **options):
        name = (client, scopes, tuple(options.items()))
        if name not in made:
            made[name] = create_key(space.ws, client, scopes or None, options)["key"]
        return made[name]

    return make


@pytest.fixture
def call(http, key):
    """Calls as a client: call("acme", "POST", path, json=...)."""

    def ask(client, method, path, **given):
        headers = {"Authorization": f"Bearer {key(client)}", **given.pop("headers", {})}
        return http.request(method, path, headers=headers, **given)

    return ask
