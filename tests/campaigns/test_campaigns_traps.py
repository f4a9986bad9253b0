"""The traps of campaign exports, each with a made file: what is counted twice, cannot be, or has seen the outcome."""

import numpy as np
import pytest

from adtune.errors import InputError

HEAD = "Day,Campaign,Ad group,Cost,Impr.,Clicks,Conversions,Conv. value"


def days(count: int, campaign: str = "Brand", start: int = 1, conversions=None) -> list[str]:
    return [f"2024-05-{day:02},{campaign},G,{day}.50,{100 * day},{5 * day},{(conversions or {}).get(day, 1)},{50 * day}"
            for day in range(start, start + count)]


def reasons(answer) -> dict:
    return {one["where"]: one["reason"] for one in answer["rejections"]}


def test_one_range_without_days_is_refused_row_by_row(take):
    lines = ["Reporting starts,Reporting ends,Campaign name,Amount spent (EUR),Impressions,Link clicks",
             *(f"2024-05-01,2024-05-31,Campaign {n},10,100,5" for n in range(3))]
    with pytest.raises(InputError, match="line 2: the row covers 31 days .from 2024-05-01., not one; export with a breakdown by day"):
        take(*lines)


def test_a_range_beside_days_is_refused_and_the_days_are_kept(take):
    answer, rows = take("Reporting starts,Reporting ends,Campaign name,Amount spent (EUR),Impressions,Link clicks",
                        "2024-05-01,2024-05-31,A,10,100,5", "2024-05-01,2024-05-01,A,1,10,1", "2024-05-02,2024-05-02,A,1,10,1")
    assert answer["kept"] == 2 and "count them twice" in reasons(answer)["line 2"] and sum(row.spend for row in rows) == 2


def test_weeks_and_months_are_grains_of_their_own(take):
    _, rows = take("Week,Campaign,Cost,Impr.,Clicks", *(f"2024-W{week:02},A,10,100,5" for week in range(10, 14)))
    assert {row.grain for row in rows} == {"campaign/week"} and rows[0].date == "2024-03-04"
    _, rows = take("Month,Campaign,Cost,Impr.,Clicks", *(f"{month} 2023,A,10,100,5" for month in ("January", "February", "March")),
                   name="b.csv")
    assert {row.grain for row in rows} == {"campaign/week", "campaign/month"} and "2023-02-01" in {row.date for row in rows}


def test_rows_without_days_are_kept_and_told(take):
    answer, rows = take("Ad,Impressions,Clicks,Spent", "Ad 1,1000,10,5", "Ad 2,900,12,6")
    assert [row.date for row in rows] == [None, None] and rows[0].grain == "ad/undated" and any("no day" in note
                                                                                                for note in answer["notes"])


def test_totals_are_never_added_whatever_they_are_called(take):
    answer, rows = take(HEAD, *days(3), "Total,,,7.50,600,30,3,300", "2024-05-01,,,1.50,100,5,1,50", "2024-05-03,Gesamt,,9.00,700,35,3,350",
                        ",Brand,G,7.50,600,30,3,300")
    assert sum(row.spend for row in rows) == 7.5 and list(reasons(answer)) == ["line 5", "line 6", "line 7", "line 8"]
    assert all("total" in reason for reason in reasons(answer).values())


def test_the_same_file_again_adds_nothing_and_late_conversions_replace(take):
    first, rows = take(HEAD, *days(10))
    assert first["added"] == 10 and [row.open for row in rows] == [False] * 3 + [True] * 7
    again, _ = take(HEAD, *days(10))
    assert (again["added"], again["corrected"], again["archive"], again["import"]) == (0, 0, first["archive"], None)
    later, rows = take(HEAD, *days(10, start=6, conversions={8: 4}), name="later.csv")
    assert (later["added"], later["corrected"]) == (5, 1) and len(rows) == 15 and sum(row.conversions for row in rows) == 18
    old, rows = take(HEAD, *days(10))
    assert (old["added"], old["corrected"]) == (0, 0) and sum(row.conversions for row in rows) == 18
    assert any("later imports changed them" in note for note in old["notes"])


PRICED = "Day,Campaign,Ad group,Price,Cost,Impr.,Clicks,Conversions,Conv. value"


def priced(price: float, count: int = 5) -> list[str]:
    return [f"2024-04-{day:02},Brand,G,{price + day},{day}.50,{100 * day},{5 * day},1,{50 * day}" for day in range(1, count + 1)]


def test_rows_whose_inputs_alone_were_corrected_replace_the_earlier_ones_and_are_counted(take):
    take(PRICED, *priced(40))
    answer, rows = take(PRICED, *priced(40, 2), *priced(60)[2:], name="corrected.csv")
    assert (answer["added"], answer["corrected"]) == (0, 3) and [row.inputs["price"] for row in rows] == [41, 42, 63, 64, 65]
    assert any(note.startswith("3 of the corrected rows have the numbers that were known") for note in answer["notes"])
    again, _ = take(PRICED, *priced(40, 2), *priced(60)[2:], name="corrected.csv")
    assert (again["added"], again["corrected"], again["import"]) == (0, 0, None)
    old, rows = take(PRICED, *priced(40))
    assert old["corrected"] == 0 and rows[4].inputs["price"] == 65 and any("later imports changed them" in note for note in old["notes"])


def test_a_channel_that_was_corrected_within_its_platform_replaces_the_earlier_one(take):
    head = "Day,Channel,Campaign,Cost,Impr.,Clicks"
    take(head, *(f"2024-04-{day:02},Google Search,A,{day},{100 * day},5" for day in range(1, 6)))
    answer, rows = take(head, *(f"2024-04-{day:02},Google Shopping,A,{day},{100 * day},5" for day in range(1, 6)), name="corrected.csv")
    assert (answer["added"], answer["corrected"]) == (0, 5) and {row.channel for row in rows} == {"Google Shopping"}


def test_a_product_or_channel_that_makes_another_cell_counts_twice_and_is_told(take):
    head = "Day,Channel,Campaign,Product,Cost,Impr.,Clicks"
    take(head, *(f"2024-04-{day:02},Search,A,Coats,{day},{100 * day},5" for day in range(1, 6)))
    more, _ = take(head, *(f"2024-04-{day:02},Search,A,Hats,{day + 1},{90 * day},5" for day in range(1, 6)), name="more.csv")
    assert more["added"] == 5 and more["notes"] == []
    answer, _ = take(head, *(f"2024-04-{day:02},Search,A,Dresses,{day},{100 * day},5" for day in range(1, 6)), name="corrected.csv")
    note, = answer["notes"]
    assert answer["added"] == 5
    assert note.startswith("5 new rows have day, names and all numbers of earlier ones, but another channel or product")


def test_what_a_later_file_does_not_say_of_the_rows_that_it_replaces_is_told(take):
    take(PRICED, *priced(40))
    answer, rows = take("Day,Channel,Campaign,Ad group,Cost,Impr.,Clicks,Conversions",
                        *(f"2024-04-{day:02},Google Ads,Brand,G,{day}.50,{100 * day},{5 * day},2" for day in range(1, 6)), name="later.csv")
    assert answer["corrected"] == 5 and "price" not in rows[0].inputs
    assert any(note.startswith("5 rows stand for earlier ones that held value, price") for note in answer["notes"])
    head = "Day,Campaign,Desk,Cost,Impr.,Clicks"
    take(head, *(f"2024-03-{day:02},B,{desk},1,{100 + day},5" for day in range(1, 4) for desk in ("north", "south")), name="two.csv")
    answer, _ = take(head, *(f"2024-03-{day:02},B,west,1,{100 + day},5" for day in range(1, 4)), name="one.csv")
    assert answer["corrected"] == 3 and any(note.startswith("3 rows stand for 6 earlier ones") for note in answer["notes"])


def test_windows_say_how_long_days_stay_open(take):
    header = "Day,Campaign name,Ad set name,Attribution setting,Amount spent (EUR),Impressions,Link clicks,Purchases"
    _, rows = take(header, *(f"2024-05-{day:02},A,S,{window},1,100,5,1" for window in ("1-day click", "14-day click")
                             for day in range(1, 21)))
    assert sum(row.open for row in rows if row.attribution == "1-day click") == 1
    assert sum(row.open for row in rows if row.attribution == "14-day click") == 14


def test_rows_that_repeat_each_other_cell_for_cell(take):
    answer, rows = take(HEAD, *days(2), days(1)[0])
    assert len(rows) == 2 and reasons(answer) == {"line 4": "the same row as line 2, cell for cell"}


def test_one_name_with_two_ids_is_two_campaigns_and_a_renamed_one_is_still_one(take):
    header = "Day,Campaign name,Campaign ID,Ad set name,Amount spent (EUR),Impressions,Link clicks"
    _, rows = take(header, "2024-05-01,A,1,S,1,100,5", "2024-05-01,A,2,S,2,200,6")
    assert sorted(row.spend for row in rows) == [1, 2] and {row.source.id for row in rows} == {"1", "2"}
    answer, rows = take(header, "2024-05-01,A (old),1,S,1,100,5", "2024-05-01,A,2,S,2,200,6", name="renamed.csv")
    assert sorted(row.spend for row in rows) == [1, 2] and answer["added"] == 0


@pytest.mark.parametrize("id", ["2.38E+17", "238000123456789000"])
def test_ids_that_a_spreadsheet_rounded_do_not_make_two_campaigns_one(take, id):
    header = "Day,Campaign name,Campaign ID,Ad set name,Amount spent (EUR),Impressions,Link clicks"
    take(header, f"2024-05-01,A,{id},S,1,100,5", f"2024-05-01,B,{id},S,2,200,6")
    answer, rows = take(header, f"2024-05-01,A,{id},S,1,100,7", name="later.csv")
    assert sorted((row.campaign, row.spend, row.clicks) for row in rows) == [("A", 1, 7), ("B", 2, 6)]
    assert rows[0].source.id is None and any("rounded by a spreadsheet" in note for note in answer["notes"])


META = "Day,Campaign name,Ad set name,{}Amount spent (EUR),Impressions,Link clicks,Purchases"


def broken_down(by: str, cells: list[str], share: float = 1.0) -> list[str]:
    rows = [f"2024-05-{day:02},A,S,{cell},{share * 10 / len(cells)},{int(share * 1000 / len(cells))},5,1" for day in (1, 2, 3)
            for cell in cells]
    return [META.format(by + ","), *rows]


def test_breakdowns_repeat_totals_and_are_not_added(take):
    take(META.format(""), *(f"2024-05-{day:02},A,S,10,1000,10,2" for day in (1, 2, 3, 4)))
    answer, rows = take(*broken_down("Age", ["18-24", "25-34"]), name="age.csv")
    assert sum(row.spend for row in rows) == 40 and {row.audience for row in rows} == {None, "18-24", "25-34"} and len(rows) == 7
    assert any("3 rows of the archive repeat others" in note for note in answer["notes"])
    assert [(one["channel"], one["rows"], one["spend"], one["first"], one["last"]) for one in answer["channels"]] \
        == [("Meta", 7, 40, "2024-05-01", "2024-05-04")]
    answer, rows = take(*broken_down("Placement", ["Feed", "Stories"]), name="placement.csv")
    assert sum(row.spend for row in rows) == 40 and sum(row.impressions for row in rows) == 4000
    _, everything = take(*broken_down("Placement", ["Feed", "Stories"]), name="placement.csv", repeats=True)
    assert len(everything) == 16


def test_a_breakdown_by_platform_repeats_the_account_without_it(take):
    take(META.format(""), "2024-05-01,A,S,10,1000,10,2")
    _, rows = take(META.format("Platform,"), "2024-05-01,A,S,instagram,6,600,6,1", "2024-05-01,A,S,facebook,4,400,4,1", name="platform.csv")
    assert {row.channel: row.spend for row in rows} == {"Instagram": 6, "Facebook": 4}


def test_a_campaign_type_that_is_there_later_makes_no_second_campaign(take):
    take("Day,Campaign,Cost,Impr.,Clicks,Avg. CPC,Conv. value", "2024-05-01,A,10,100,5,2,0")
    answer, rows = take("Day,Campaign,Campaign type,Cost,Impr.,Clicks,Avg. CPC,Conv. value", "2024-05-01,A,Search,10,100,5,2,0",
                        name="b.csv")
    assert answer["added"] == 0 and [(row.channel, row.spend) for row in rows] == [("Google Search", 10)]


def test_a_breakdown_that_leaves_most_out_does_not_stand_for_the_whole(take):
    take("Day,Campaign,Cost,Impr.,Clicks", "2024-05-01,A,10,1000,10")
    _, rows = take("Day,Campaign,Search term,Cost,Impr.,Clicks", "2024-05-01,A,shoes,2,200,3", "2024-05-01,A,boots,1,100,2",
                   name="terms.csv")
    assert sum(row.spend for row in rows) == 10 and len(rows) == 1


def test_two_currencies_need_rates(take, ws, export):
    lines = ("Day,Campaign,Currency code,Cost,Impr.,Clicks,Conv. value", "2024-05-01,A,EUR,10,100,5,30", "2024-05-02,A,USD,10,100,5,30")
    with pytest.raises(InputError) as refused:
        take(*lines)
    assert refused.value.found == "money in EUR (1 rows) and USD (1 rows)" and "--rates FILE" in refused.value.do and ws.clients() == []
    rates = export("from,to,rate,date", "USD,EUR,0.9,2024-01-01", "USD,EUR,0.8,2024-05-02", "USD,EUR,0.7,2024-06-01", name="rates.csv")
    answer, rows = take(*lines, rates=rates)
    assert [(row.currency, row.spend, row.value) for row in rows] == [("EUR", 10, 30), ("EUR", 8, 24)]
    assert "1 rows in USD were converted into EUR" in answer["notes"]
    with pytest.raises(InputError, match="GBP .1 rows."):
        take("Day,Campaign,Cost (GBP),Impr.,Clicks", "2024-05-03,A,1,100,5", name="gbp.csv")
    with pytest.raises(InputError, match="no rate from GBP into EUR"):
        take("Day,Campaign,Cost (GBP),Impr.,Clicks", "2024-05-03,A,1,100,5", name="gbp.csv", rates=rates)


def test_spend_and_value_in_two_currencies(take, export):
    lines = ("Day,Campaign,Cost (USD),Impr.,Clicks,Conv. value (EUR)", "2024-05-01,A,10,100,5,30")
    with pytest.raises(InputError, match="money in EUR .1 rows. and USD .1 rows."):
        take(*lines)
    _, (row,) = take(*lines, rates=export("from,to,rate", "USD,EUR,0.5", name="rates.csv"))
    assert (row.spend, row.value, row.currency) == (5, 30, "EUR") and row.inputs == {}


def test_the_same_cells_with_an_account_and_without_are_told(take):
    take("Day,Campaign,Cost,Impr.,Clicks", "2024-05-01,A,1,100,5")
    answer, _ = take("Day,Account name,Campaign,Cost,Impr.,Clicks", "2024-05-01,Acme,A,1,100,5", name="b.csv")
    assert any("may be counted twice" in note for note in answer["notes"])


@pytest.mark.parametrize(("lines", "words"), [
    (("from,to,rate", "USD,EUR,x"), "line 2: found USD, EUR, x"),
    (("from,to,rate", "USD,EUR,0.9", "EUR,GBP,0.8"), "rates into EUR and GBP"),
    (("a,b", "1,2"), "the columns a, b"), (("from,to,rate", "XXX,EUR,0.9"), "line 2")])
def test_rates_that_cannot_be_used(take, export, lines, words):
    with pytest.raises(InputError, match=words):
        take(HEAD, *days(2), rates=export(*lines, name="rates.csv"))


def test_mixed_result_types_are_not_added(take):
    answer, rows = take("Day,Campaign name,Ad set name,Result indicator,Results,Amount spent (EUR),Impressions,Link clicks",
                        *(f"2024-05-{day:02},A,S,actions:lead,{day},1,100,5" for day in range(1, 6)),
                        "2024-05-06,B,S,actions:omni_purchase,2,1,100,5", "2024-05-07,B,S,,,1,100,5")
    assert [row.conversions for row in rows] == [2, None] and answer["rejected"] == 5 and "cannot be added" in reasons(answer)["line 2"]


def test_numbers_that_cannot_be(take):
    answer, rows = take(HEAD, *days(2), "2024-05-03,Brand,G,-4.00,100,5,1,10", "2024-05-04,Brand,G,4.00,100,105,1,10",
                        "2024-05-05,Brand,G,4.00,-1,0,0,0",
                        "2024-05-06,Brand,G,abc,100,5,1,10", "2024-05-32,Brand,G,1,100,5,1,10", "2024-05-08,Brand,G,,,,1,10",
                        "2024-05-09,Brand,G,1,100,5")
    found = reasons(answer)
    assert len(rows) == 2 and "negative spend (-4" in found["line 4"] and "more clicks (105) than impressions (100)" in found["line 5"]
    assert "negative impressions" in found["line 6"] and "Cost 'abc' is not a number" in found["line 7"]
    assert "does not exist" in found["line 8"] and found["line 9"] == "no impressions, clicks or spend" and "6 fields" in found["line 10"]


def test_dates_that_could_be_two_days_are_told_by_their_neighbours_or_refused(take):
    _, rows = take("Day,Campaign,Cost,Impr.,Clicks", *(f"{day:02}/02/2024,A,1,100,5" for day in range(1, 8)))
    assert [row.date for row in rows] == [f"2024-02-{day:02}" for day in range(1, 8)]
    with pytest.raises(InputError, match="could be two days"):
        take("Day,Campaign,Cost,Impr.,Clicks", "01/02/2024,A,1,100,5", name="one.csv")


def test_a_point_before_three_digits_is_what_the_rest_of_the_file_says(take):
    _, (row, _) = take("Day;Campaign;Cost;Impr.;Clicks", "2024-05-01;A;1.234;10.000;5", "2024-05-02;A;12,50;900;5")
    assert (row.spend, row.impressions) == (1234, 10000)
    answer, (row, *_) = take("Day;Campaign;Cost;Impr.;Clicks", "2024-05-01;B;1.234;900;5", name="doubt.csv")
    assert row.spend == 1234 or any("1.234" in note for note in answer["notes"])


def test_a_leaked_column_is_found_whatever_it_is_called(take):
    chance = np.random.default_rng(3)
    impressions = chance.poisson(900, 80)
    clicks = chance.binomial(impressions, 0.03)
    lines = [f"2024-0{1 + n // 28}-{1 + n % 28:02},A,{i},{c},{1000 * c / i:.3f},{chance.normal():.3f},{chance.choice(['sun', 'rain'])}"
             for n, (i, c) in enumerate(zip(impressions, clicks, strict=True))]
    answer, rows = take("Day,Campaign,Impr.,Clicks,Glow,Mood,Weather", *lines)
    assert [one["column"] for one in answer["refused"]] == ["Glow"] and "chance allows" in answer["refused"][0]["reason"]
    assert set(rows[0].inputs) == {"Mood", "Weather"}


def test_columns_by_list_and_personal_ones(take):
    named = "GROSS_DISCOUNT,duration,ROAS,Cost per result,CTR,winner,first_place,significance,Customer email,Phone,Video views"
    answer, rows = take(f"Day,Campaign,Impr.,Clicks,{named},Headline",
                        "2024-05-01,A,100,5,1,2,3,4,5,6,7,8,a@example.com,1,9,Spring is here")
    assert {one["column"] for one in answer["refused"]} == set(named.split(",")) and rows[0].inputs == {"Headline": "Spring is here"}
    assert "a@example.com" not in repr(rows)


CALENDAR = "Day,Ad group name,Free returns,Glow"


def test_a_calendar_is_joined_by_day_and_ad_group_and_its_leak_is_refused(take, export):
    chance = np.random.default_rng(4)
    clicks = chance.poisson(20, 60)
    take("Day,Campaign,Ad group,Impr.,Clicks", *(f"2024-0{1 + n // 28}-{1 + n % 28:02},A,Dresses,1000,{c}" for n, c in enumerate(clicks)))
    lines = [f"2024-0{1 + n // 28}-{1 + n % 28:02},dresses,{'yes' if n % 7 == 0 else 'no'},{c / 1000}" for n, c in enumerate(clicks)]
    answer, rows = take(CALENDAR, *lines, name="calendar.csv")
    assert answer["added"] == 60 and [one["column"] for one in answer["refused"]] == ["Glow"]
    assert take(CALENDAR, *lines, name="calendar.csv")[0]["added"] == 0
    assert [row.inputs["Free returns"] for row in rows[:2]] == ["yes", "no"] and "Glow" not in rows[0].inputs


def test_a_calendar_that_came_before_its_rows_is_checked_when_they_come(take):
    clicks = np.random.default_rng(4).poisson(20, 60)
    days = [f"2024-0{1 + n // 28}-{1 + n % 28:02}" for n in range(60)]
    take(CALENDAR, *(f"{day},dresses,{'yes' if n % 7 == 0 else 'no'},{clicks[n] / 1000}" for n, day in enumerate(days)),
         name="calendar.csv")
    answer, rows = take("Day,Campaign,Ad group,Impr.,Clicks", *(f"{day},A,Dresses,1000,{clicks[n]}" for n, day in enumerate(days)))
    assert [one["column"] for one in answer["refused"]] == ["Glow"] and set(rows[0].inputs) == {"Free returns"}


def test_a_calendar_whose_input_is_called_as_an_outcome_is_told_how_to_name_it(take):
    with pytest.raises(InputError) as error:
        take("Day,Value", "2024-05-01,17")
    assert "'Value'" in error.value.do and "to join it by date" in error.value.do
    answer, _ = take("Day,Value,Offer", "2024-05-01,17,yes", name="calendar.csv")
    assert any("Value is read as value" in note and "not joined" in note for note in answer["notes"])


def test_time_zones_are_told(take, export):
    export("Start Date (in UTC),Campaign Name,Campaign Group Name,Total Spent,Impressions,Clicks", "9/1/2026,A,G,1,100,5", name="in/li.csv")
    path = export("Day,Campaign name,Ad set name,Account timezone,Amount spent (USD),Impressions,Link clicks",
                  "2026-09-01,A,S,America/New_York,1,100,5",
                  name="in/meta.csv").parent
    answer, rows = take(path=path)
    assert {row.time_zone for row in rows} == {"UTC", "America/New_York"} and any("time zones" in note for note in answer["notes"])


def test_a_folder_of_many_kinds_keeps_its_counts(take, export):
    export(HEAD, *days(3), name="in/a.csv")
    export("# Notes", "", "Not a table at all, only words.", name="in/notes.md")
    export("name,role", "Ann,writer", name="in/people.csv")
    path = export("{not json", name="in/b.jsonl").parent
    answer, rows = take(path=path)
    assert len(rows) == 3 and [one["where"].split(",")[0] for one in answer["rejections"]] == ["b.jsonl", "notes.md", "people.csv"]


@pytest.mark.parametrize(("lines", "mapping", "words"), [
    (("Day,Campaign,Colour", "2024-05-01,A,red"), {"date": "Day"}, "an exposure"),
    (("Day,Impressions,Cost", "2024-05-01,1,1"), None, "an outcome"),
    (("Day,Impr.,Clicks", "2024-05-01,1,1"), {"spend": "Costs"}, "no column 'Costs'"),
    (("Day,Impr.,Clicks", "2024-05-01,1,1"), {"spent": "Day"}, "'spent'"),
    (("Day,Impr.,Clicks",), None, "no row that can be kept")])
def test_what_cannot_be_imported_says_why(take, ws, lines, mapping, words):
    with pytest.raises(InputError, match=words):
        take(*lines, mapping=mapping)
    assert ws.clients() == []


def test_one_day_and_no_outcome_at_all_are_rows_like_others(take):
    answer, rows = take(HEAD, "2024-05-01,Brand,G,1,100,0,0,0")
    assert answer["kept"] == 1 and rows[0].conversions == 0


def test_event_rows_without_names_and_days_are_told_apart_by_their_content(take):
    lines = ("age;job;calls;y", "30;cook;1;0", "31;clerk;1;1", "30;cook;1;0")
    how = {"mapping": {"clicks": "calls", "conversions": "y"}}
    first, rows = take(*lines, **how)
    assert len(rows) == 3 and first["added"] == 3 and rows[0].inputs == {"job": "cook"}
    _, rows = take("age;job;calls;y", "55;nurse;1;yes", "56;nurse;1;no", name="more.csv", **how)
    assert len(rows) == 5 and sorted(row.conversions for row in rows) == [0, 0, 0, 1, 1]


@pytest.mark.parametrize(("folder", "rows", "channels"), [("tiktok_daily", 835, {"TikTok"}),
                                                          ("robyn/dt_simulated_weekly.csv", 1248,
                                                           {"tv", "ooh", "print", "facebook", "search", "all channels"}),
                                                          ("meridian/national_media.csv", 780,
                                                           {*(f"Channel{n}" for n in range(4)), "all channels"})])
def test_real_files(take, shared, folder, rows, channels):
    answer, found = take(path=shared / "media" / folder)
    assert answer["rejected"] == 0 and len(found) == rows == answer["rows"] and {row.channel for row in found} == channels
    if folder == "tiktok_daily":
        assert {one["column"] for one in answer["refused"]} == {"CPC (Destination)", "CPM", "CTR (Destination)",
                                                                "CPA"} and found[0].currency == "IDR"
