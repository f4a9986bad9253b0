"""What people see of importing campaigns, and the keys that --json gives."""


def test_an_import_of_campaigns_tells_rows_rejections_and_refused_columns(adtune, tmp_path):
    path = tmp_path / "google.csv"
    path.write_text("Campaign report\n\"May "
                    "2024\"\nDay,Campaign,Cost,Impr.,Clicks,CTR\n2024-05-01,Brand,1.50,100,5,5%\n2024-05-02,Brand,1,100,5,5%\n"
                    "Total: Account,,2.50,200,10,5%\n", encoding="utf-8")
    said = adtune("import", str(path), "--client", "acme", "--as", "campaigns")
    assert said.code == 0 and "2 of 3 rows kept for acme, 2 of them new." in said.out and "Read as exports of Google Ads." in said.out
    assert "Google Ads" in said.out and "2024-05-01" in said.out and "2.5" in said.out
    shown = adtune("show", "acme", "--json").object["campaigns"]
    assert [(one["channel"], one["rows"], one["spend"], one["clicks"], one["value"]) for one in shown] == [("Google Ads", 2, 2.5, 10, None)]
    assert "line 6" in said.out and "CTR" in said.out and "adtune advise acme --task response" in " ".join(said.out.split())
    again = adtune("import", str(path), "--client", "acme", "--as", "campaigns", "--json").object
    assert (again["kind"], again["read"], again["kept"], again["added"], again["rejected"]) == ("campaigns", 3, 2, 0, 1)
    assert {"client", "kind", "archive", "read", "kept", "added", "rejected", "rejections", "notes", "refused", "rows",
            "platforms"} <= again.keys()
    assert again["rejections"][0]["where"] == "line 6"


def test_errors_of_an_import_of_campaigns(adtune, tmp_path):
    (tmp_path / "two.csv").write_text("Day,Campaign,Cost,Currency,Impr.,Clicks\n2024-05-01,A,1,EUR,9,1\n2024-05-02,A,1,USD,9,1\n",
                                      encoding="utf-8")
    for line, words in ((("two.csv", "--as", "campaigns"), "--rates FILE"), (("two.csv", "--rates", "r.csv"), "--as campaigns"),
                        (("two.csv", "--as", "campaigns", "--rates", "r.csv"), "Save it as CSV"),
                        (("two.csv", "--as", "campaigns", "--map", "cost=Cost"), "'cost'")):
        said = adtune("import", *line, "--client", "acme", "--json")
        assert said.code == 1 and words in " ".join(said.object["error"].values())
