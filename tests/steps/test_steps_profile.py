"""A client's prompt as a version: made where advice says prompt, live in one step, drafted with like an adapter."""

import pytest
from made_base import make_base, sample_file

from adtune.records import Brief
from adtune.steps.adapters import base_of
from adtune.steps.curation import curate
from adtune.steps.drafting import draft
from adtune.steps.ladder import go_live, go_live_profile, rollback
from adtune.steps.versions import profile_context
from adtune.workspace import Workspace


@pytest.fixture(scope="module")
def advised(tmp_path_factory):
    """A client whose advice can be set, on a tiny base."""
    from adtune.engine.bases import load_base
    from adtune.steps.archive import import_archive

    folder = tmp_path_factory.mktemp("profile")
    base = make_base(folder / "base", 512)
    with Workspace.open(folder / "ws") as ws:
        import_archive(ws, sample_file(folder / "pieces.jsonl", 24), "acme")
        (folder / "guide.md").write_text("Write to one person. Say what it costs.")
        dataset = curate(ws, "acme", brand_guide=folder / "guide.md")
        digest = load_base(str(base)).hash

        def advise(verdict: str) -> str:
            record = {"dataset": dataset["hash"], "base": str(base), "base_hash": digest, "method": verdict, "reason": "",
                      "settings": {"base": str(base)}}
            return ws.publish("plan", "acme", {"plan.txt": verdict.encode()}, record, [dataset["dataset"]])

        yield ws, advise


def test_a_prompt_is_deployed_in_one_step(advised):
    ws, advise = advised
    advise("lora")
    refused = go_live_profile(ws, "acme", "Ann")
    assert refused["passed"] is False and refused["version"] is None and ws.ladder.live("acme") is None
    plan = advise("prompt")
    answer = go_live_profile(ws, "acme", "Ann")
    assert answer["kind"] == "profile" and answer["live"] == answer["version"] and answer["evidence"] == plan
    record = ws.record(answer["version"])["record"]
    assert record["guide_words"] == 8 and record["examples"] > 0
    base = base_of(record)
    context = profile_context(ws, answer["version"], base, Brief("What a fund costs"), 64)
    assert context.guide.startswith("Write to one person.") and len(base.renderer.brief(Brief("What a fund costs"), context)) < 512 - 64
    drafted = draft(ws, "acme", "What a fund costs", {"max_tokens": 8})["drafts"][0]
    assert drafted["adapter"] == answer["version"] and ws.draft(drafted["id"])["adapter"] == answer["version"]
    again = go_live_profile(ws, "acme", "Ann")  # the same prompt is the same version
    assert again["version"] == answer["version"]
    advise("lora")
    assert go_live(ws, answer["version"], "Ann")["passed"] is False
    with pytest.raises(Exception, match="no version that was live before"):
        rollback(ws, "acme")
