"""What the door understands: every verb of the contract, the global words anywhere, and near misses."""

import pytest

from adtune.cli.app import VERBS
from adtune.cli.words import read_map, read_sets
from adtune.errors import InputError, SettingError

CONTRACT = ("demo import curate advise tune evaluate compare draft rank predict classify target bid budget serve export pretrain show "
            "ls doctor keys rate go-live rollback takedown").split()
UNBUILT = [["rank", "acme", "ads.csv", "--audience", "all"],
           ["classify", "acme", "a.png"], ["target", "acme", "--trial", "f.csv"], ["bid", "acme"], ["budget", "acme", "--total", "5"],
           ["demo", "images"], ["pretrain", "vision"], ["pretrain", "creative"],
           ["import", "x.csv", "--client", "acme", "--as", "images"],
           ["import", "x.csv", "--client", "acme", "--as", "creatives"]]


def test_every_verb_of_the_contract_is_in_the_help_with_one_line(adtune):
    said = adtune("--help")
    assert said.code == 0 and set(VERBS) == set(CONTRACT)
    lines = said.out.splitlines()
    for verb in CONTRACT:
        assert any(line.strip("│ ").split(" ")[0] == verb and VERBS[verb].help in line for line in lines), verb


@pytest.mark.parametrize("verb", CONTRACT)
def test_every_verb_explains_itself(adtune, verb):
    said = adtune(verb, "--help")
    assert said.code == 0 and VERBS[verb].help in said.out
    if not VERBS[verb].open:
        assert "Examples" in said.out and f"adtune {verb}" in said.out


def test_no_words_at_all_show_the_help(adtune):
    assert adtune().code == 0
    assert "no verb" in adtune("--json").object["error"]["found"]


def test_help_and_version_are_objects_with_json(adtune):
    assert "Usage" in adtune("--json", "--help").object["help"]
    assert "validation peak" in adtune("tune", "--help", "--json").object["help"]
    assert adtune("--version").out.startswith("adtune ")
    assert adtune("--version", "--json").object["version"]


@pytest.mark.parametrize("line", UNBUILT, ids=lambda line: "_".join(line[:2]))
def test_what_is_not_built_says_so_in_one_line(adtune, line):
    said = adtune(*line)
    assert said.code == 1 and said.out == "" and len(said.err.splitlines()) == 1 and "not built yet" in said.err
    error = adtune(*line, "--json")
    assert error.code == 1 and set(error.object["error"]) == {"where", "found", "expected", "do"}


@pytest.mark.parametrize(("line", "word"), [
    (["tun", "acme"], "'tune'"), (["imprt", "x"], "'import'"), (["tune", "acme", "--epoch", "3"], "'--epochs'"),
    (["curate", "acme", "--brandguide", "x"], "'--brand-guide'"), (["demo", "voise"], "'voice'"), (["pretrain", "txt"], "'text'"),
    (["tune", "acme", "--task", "draftin"], "'drafting'"), (["export", "a", "--to", "marged"], "'merged'"),
    (["ls", "--workspce", "x"], "'--workspace'")])
def test_a_near_miss_gets_the_nearest_word(adtune, line, word):
    said = adtune(*line, "--json")
    assert said.code == 1 and f"Did you mean {word}?" in said.object["error"]["do"] and word in said.err


@pytest.mark.parametrize("line", [["tune"], ["tune", "acme", "--epochs", "x"], ["tune", "acme", "--epochs", "0"], ["tune", "a", "b"],
                                  ["import", "x.csv"], ["draft", "acme"], ["curate", "acme", "--keep"], ["ls", "--workspace"], ["-x"],
                                  ["ls", "--workspace="], ["ls", "--workspace", "--json"]])
def test_usage_errors_are_the_users_and_have_four_parts(adtune, line):
    said = adtune(*line, "--json")
    assert said.code == 1 and all(said.object["error"].values()) and "Traceback" not in said.err
    assert said.err.startswith("Error: ") and said.err.count("\n") == 1


@pytest.mark.parametrize("line", [["--json", "--workspace", "here", "tune", "acme"], ["tune", "--json", "acme", "--workspace=here"],
                                  ["tune", "acme", "--workspace", "here", "--json"]])
def test_global_words_work_before_and_after_the_verb(adtune, fake_step, tmp_path, line):
    seen = []

    def tune(ws, client, options, resume, progress, stop):
        seen.append((ws.root, client, options, resume))
        return {"stopped": "epochs"}

    fake_step("tuning", tune)
    said = adtune(*line)
    assert said.code == 0 and said.object == {"stopped": "epochs"} and (tmp_path / "here" / "adtune.db").is_file()
    assert str(seen[0][0]) == "here" and seen[0][1:] == ("acme", {"base": None, "method": None, "epochs": None, "seed": None}, None)


def test_words_reach_the_steps_as_the_contract_says(adtune, fake_step, tmp_path):
    seen = {}

    def tune(ws, client, options, resume, progress, stop):
        seen["tune"] = (options, resume, stop())
        return {}

    def advise(ws, client, options, progress, stop):
        seen["advise"] = options
        return {"verdict": "lora"}

    def evaluate(ws, client, adapter, options, progress):
        seen["evaluate"] = (adapter, options)
        return {"gates": {}}

    def draft(ws, client, brief, options, progress):
        seen["draft"] = (brief, options)
        return {"drafts": []}

    def export(ws, adapter, to, out, progress):
        seen["export"] = (adapter, to, str(out))
        return {}

    def pretrain_text(workspace, options, progress, stop):
        seen["pretrain"] = options
        return {}

    for module, step in (("tuning", tune), ("advice", advise), ("evaluation", evaluate), ("drafting", draft), ("exporting", export),
                         ("pretraining", pretrain_text)):
        fake_step(module, step)
    for line in (["tune", "a", "--base", "b", "--method", "lora", "--epochs", "2", "--seed", "7", "--resume", "last", "--set", "rank=8",
                  "--set", "rate=1e-3", "--set", "allow-lost-tokens=true", "--set", "precision=fp32"],
                 ["advise", "a", "--task", "drafting", "--volume", "40", "--set", "pieces=6"],
                 ["evaluate", "a", "--adapter", "x", "--general-text", "g.jsonl", "--conventions", "c.json", "--set", "briefs=3"],
                 ["draft", "a", "-n", "2", "--format", "e-mail", "--category", "K", "--temperature", "0", "--max-tokens", "9",
                  "--", "--json"],
                 ["export", "adapter-1", "--to", "merged"], ["pretrain", "text", "--corpus", "x", "--corpus", "y", "--minutes", "2"]):
        front = ["--json", *line]
        assert adtune(*front).code == 0, line
    assert seen["tune"] == ({"base": "b", "method": "lora", "epochs": 2, "seed": 7, "rank": 8, "rate": 1e-3, "allow_lost_tokens": True,
                             "precision": "fp32"}, "last", False)
    given = {name: value for name, value in seen["advise"].items() if value is not None}
    assert given == {"task": "drafting", "volume": 40.0, "pieces": 6} and {"base", "curve", "prices"} <= seen["advise"].keys()
    given = {name: value for name, value in seen["evaluate"][1].items() if value is not None}
    assert seen["evaluate"][0] == "x" and given == {"general_text": "g.jsonl", "conventions": "c.json", "briefs": 3}
    assert seen["draft"] == ("--json", {"n": 2, "adapter": None, "format": "e-mail", "category": "K", "temperature": 0.0, "seed": None,
                                        "max_tokens": 9})
    assert seen["export"] == ("adapter-1", "merged", "adapter-1-merged")
    assert [str(path) for path in seen["pretrain"]["corpus"]] == ["x", "y"] and seen["pretrain"]["resume"] is False


def test_settings_and_maps_are_read_or_refused():
    read = read_sets(["a=1", "b=0.5", "c=false", "d=none", "e=x=y"], {"f": None})
    assert read == {"a": 1, "b": 0.5, "c": False, "d": None, "e": "x=y", "f": None}
    assert read_map(["text=Body", "title = Head line"]) == {"text": "Body", "title": "Head line"} and read_map([]) is None
    for pairs, said in ((["rank"], {}), (["=3"], {}), (["rate=nan"], {}), (["rate=inf"], {}), (["epochs=3"], {"epochs": 4})):
        with pytest.raises(SettingError):
            read_sets(pairs, said)
    for pairs in (["text"], ["text="], ["=Body"], ["text=A", "text=B"]):
        with pytest.raises(InputError):
            read_map(pairs)
