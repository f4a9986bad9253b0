"""What people see of the draft of a brand guide, and of one that is handed in."""

import json


def test_a_draft_is_written_once_and_handed_in(adtune, tmp_path):
    texts = [f"You save {n + 2} dollars here. " + " ".join(f"word{n}x{place}" for place in range(40)) + "." for n in range(12)]
    rows = [{"id": f"p{n}", "title": f"Title {n}", "text": text} for n, text in enumerate(texts)]
    (tmp_path / "posts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert adtune("import", "posts.jsonl", "--client", "acme").code == 0
    said = adtune("curate", "acme", "--draft-guide", "draft.md")
    assert said.code == 0 and "draft of a brand guide" in said.out
    draft = (tmp_path / "draft.md").read_text(encoding="utf-8")
    assert draft.startswith("# How acme writes\n")
    again = adtune("curate", "acme", "--draft-guide", "draft.md", "--json")
    assert again.code == 1 and "which is there" in again.object["error"]["found"]
    assert adtune("curate", "acme", "--draft-guide", "no/such/folder.md", "--json").code == 1
    (tmp_path / "draft.md").write_text(draft + "\nNever shout.\n", encoding="utf-8")
    given = adtune("curate", "acme", "--brand-guide", "draft.md", "--json").object
    assert given["guide_draft"] is None and given["house"] == [] and given["rebrand"] is None
    refused = adtune("curate", "acme", "--draft-guide", "other.md", "--json")
    assert refused.code == 1 and refused.object["error"]["expected"] == "an archive without a guide"
    assert not (tmp_path / "other.md").exists()
