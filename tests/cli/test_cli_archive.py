"""What people see of importing datasets and corrections, of a piece and its history, and of a dataset that leaves."""

import json

import pytest


@pytest.fixture
def posts(tmp_path):
    path = tmp_path / "posts.jsonl"
    rows = [{"id": f"post-{n}", "title": f"Title {n}", "text": " ".join(f"word{n}x{place}" for place in range(40))} for n in range(12)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_correction_is_told_and_shown_with_its_history(adtune, posts, tmp_path):
    assert adtune("import", str(posts), "--client", "acme").code == 0
    fix = tmp_path / "corrections.csv"
    fix.write_text("id,new title,withdrawn,by,reason\npost-3,Better,,Ann,[bold]a typo\npost-4,,yes,,\n", encoding="utf-8")
    said = adtune("import", str(fix), "--client", "acme")
    assert said.code == 0 and "1 corrected, 1 withdrawn" in said.out and "adtune show acme/ID" in said.out
    said = adtune("show", "acme/post-3")
    assert said.code == 0 and "corrected by Ann (corrections.csv, line 2), because: [bold]a typo" in said.out
    assert "title: Title 3 -> Better" in said.out and "in force" in said.out
    found = adtune("show", "acme/post-4", "--json").object
    assert found["state"] == "withdrawn" and found["held_by"] == [] and adtune("show", found["id"][:10], "--json").object == found
    assert "withdrawn" in adtune("show", "acme").out
    again = adtune("import", str(fix), "--client", "acme", "--json").object
    assert (again["added"], again["corrected"], again["withdrawn"], again["read"]) == (0, 0, 0, 2)
    assert adtune("show", "acme/post-99").code == 1 and adtune("show", "abcdef123456").code == 1


def test_a_dataset_leaves_as_chat_unless_another_format_is_named(adtune, posts, tmp_path):
    adtune("import", str(posts), "--client", "acme")
    dataset = adtune("curate", "acme", "--json").object["dataset"]
    found = adtune("export", dataset, "--json").object
    assert found["path"] == f"{dataset}-chat" and (tmp_path / found["path"] / "train.jsonl").is_file()
    said = adtune("export", dataset, "--to", "openai", "--out", "there")
    assert said.code == 0 and "valid.jsonl" in said.out
    assert adtune("export", dataset, "--to", "merged", "--json").object["error"]["expected"].startswith("one of openai")
    again = adtune("import", str(tmp_path / "there"), "--client", "other", "--json").object
    assert (again["kept"], again["rejected"]) == (12, 1) and again["guides"] == []


def test_a_recipe_reaches_the_step(adtune, fake_step):
    seen = []

    def tune(ws, client, options, resume, progress, stop):
        seen.append(options)
        return {"stopped": "epochs"}

    fake_step("tuning", tune)
    assert adtune("tune", "acme", "--recipe", "axolotl.yml", "--epochs", "2", "--json").code == 0
    assert seen[0]["recipe"] == "axolotl.yml" and seen[0]["epochs"] == 2
