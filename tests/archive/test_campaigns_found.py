"""Campaign imports: plain names, single events, totals, dates and numbers that were found to be misread."""

import numpy as np
import pytest

from adtune.archive.campaigns import read_campaigns
from adtune.steps.campaigns import import_campaigns
from adtune.workspace import Workspace
from adtune.workspace.campaigns import campaign_rows

PLAIN = ("date", "account", "channel", "campaign", "ad_group", "ad", "audience", "currency", "spend", "impressions", "clicks",
         "conversions", "value")
CELLS = ("2024-05-01", "Acme", "Radio", "Spring", "Women", "Ad 1", "20-30", "EUR", "12.5", "1000", "20", "2", "130")


@pytest.fixture
def read(tmp_path):
    """Reads a file of these lines; gives the reading and its rows. kept + rejected = read, always."""

    def run(*lines, mapping=None, encoding="utf-8", name="export.csv"):
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding=encoding)
        reading = read_campaigns(path, mapping)
        return reading, [row for table in reading.tables for row in campaign_rows(table)]

    return run


def told(row) -> tuple:
    """The fields of a row as `CELLS` has them."""
    return tuple(getattr(row, name) for name in PLAIN)


@pytest.mark.parametrize("written", [str.lower, str.upper, str.title, lambda name: name.replace("_", " ").capitalize()])
def test_the_plain_names_are_the_fields_in_any_case(read, written):
    _, (row,) = read(",".join(written(name) for name in PLAIN), ",".join(CELLS))
    assert told(row) == (*CELLS[:8], 12.5, 1000, 20, 2, 130) and row.inputs == {}


@pytest.mark.parametrize("name", PLAIN)
def test_each_plain_name_alone_is_its_field(read, name):
    others = {"impressions": "1000", "clicks": "20"}
    header = [name, *(one for one in others if one != name)]
    _, (row,) = read(",".join(header), ",".join(dict(zip(PLAIN, CELLS, strict=True))[one] for one in header))
    assert str(getattr(row, name)).removesuffix(".0") == dict(zip(PLAIN, CELLS, strict=True))[name] and row.inputs == {}


@pytest.mark.parametrize("better", ["Conv. value", "Conversion value", "Purchases conversion value", "Revenue"])
def test_a_value_of_conversions_is_preferred_to_a_column_named_value(read, better):
    reading, (row,) = read(f"date,campaign,impressions,clicks,value,{better}", "2024-05-01,A,100,5,1,70")
    assert row.value == 70 and "value" in reading.refused


def events(count: int = 600, seed: int = 5) -> list[str]:
    chance = np.random.default_rng(seed)
    days, groups, hits = chance.integers(1, 11, count), chance.integers(0, 3, count), chance.random(count) < 0.1
    return [f"2024-05-{day:02},Brand,{'abc'[group]},1,{int(hit)}" for day, group, hit in zip(days, groups, hits, strict=True)]


EVENTS = "date,campaign,audience,impressions,clicks"


def test_single_events_that_are_alike_are_all_kept_and_added_once(tmp_path):
    lines = events()
    (tmp_path / "events.csv").write_text("\n".join([EVENTS, *lines]) + "\n")
    with Workspace.open(tmp_path / "ws") as ws:
        first = import_campaigns(ws, tmp_path / "events.csv", "acme")
        assert (first["kept"], first["added"], first["rejected"]) == (600, 600, 0)
        assert any("single events" in note for note in first["notes"])
        again = import_campaigns(ws, tmp_path / "events.csv", "acme")
        assert (again["added"], again["corrected"], again["import"]) == (0, 0, None)
        rows = list(campaign_rows(ws.campaigns("acme")))
        assert len(rows) == 600 and sum(row.clicks for row in rows) == sum(line.endswith(",1") for line in lines)


def test_a_file_of_events_that_grew_holds_them_all(tmp_path):
    lines = events(700)
    with Workspace.open(tmp_path / "ws") as ws:
        for count in (600, 700):
            (tmp_path / f"{count}.csv").write_text("\n".join([EVENTS, *lines[:count]]) + "\n")
            import_campaigns(ws, tmp_path / f"{count}.csv", "acme")
        assert ws.campaigns("acme").num_rows == 700


def test_single_clicks_with_what_they_cost_are_events_too(read):
    reading, rows = read("date,campaign,spend,clicks,conversions", *["2024-05-01,A,0.5,1,0"] * 5, "2024-05-01,A,0.5,1,1")
    assert len(rows) == 6 and not reading.rejected


def test_totals_that_were_written_twice_are_still_counted_once(read):
    reading, rows = read(EVENTS, "2024-05-01,A,x,120,3", "2024-05-01,B,x,1,0", "2024-05-01,A,x,120,3", "2024-05-01,B,x,1,0")
    assert [one.reason for one in reading.rejected] == ["the same row as line 2, cell for cell"] and len(rows) == 3


def test_a_large_row_that_repeats_among_single_events_is_no_event(read):
    reading, rows = read(EVENTS, *events(100), "2024-05-01,A,x,900,3", "2024-05-01,A,x,900,3")
    assert len(rows) == 101 and "the same row as line 102" in reading.rejected[0].reason


def test_a_whole_block_of_small_rows_that_comes_twice_is_counted_once(read):
    block = [f"2024-05-01,Campaign {n},x,{1 + n % 2},{n % 2}" for n in range(30)]
    reading, rows = read(EVENTS, *block, *block)
    assert len(rows) == 30 and len(reading.rejected) == 30


def test_a_table_in_which_every_row_stands_twice_is_counted_once(read):
    block = [f"2024-05-01,Campaign {n},x,{1 + n % 2},{n % 2}" for n in range(30)]
    reading, rows = read(EVENTS, *sorted([*block, *block]))
    assert len(rows) == 30 and len(reading.rejected) == 30


def test_a_name_that_begins_as_a_total_where_no_row_names_an_ad_group(read):
    reading, rows = read("Day,Campaign,Ad group,Cost,Impr.,Clicks", "2024-05-01,Total Wine0,,1,100,5", "2024-05-01,Other,,1,100,6")
    assert len(rows) == 2 and not reading.rejected


@pytest.mark.parametrize("name", ["Total Wine0", "Total Body Workout", "Gesamt Paket", "Totale Eleganza", "Suma Shoes"])
def test_a_campaign_whose_name_begins_as_a_total_does_is_data(read, name):
    reading, rows = read("Day,Campaign,Ad group,Cost,Impr.,Clicks", f"2024-05-01,{name},G,1,100,5", "2024-05-01,Other,G,1,100,6")
    assert [row.campaign for row in rows] == [name, "Other"] and not reading.rejected


@pytest.mark.parametrize("row", ["2024-05-01,Total,G", "2024-05-01,Total: Account,G", "2024-05-01,Total - 12 campaigns,G",
                                 "2024-05-01,Grand Total,G", ",Total Wine0,G", "2024-05-01,Gesamt Paket,--", "2024-05-01,Total Search,",
                                 "Total May,--,--", "2024-05-01,Summe (12),G", "2024-05-01,Total campaigns,G",
                                 "2024-05-01,Totals for account X,G",
                                 "--,Gesamtergebnis,--"])
def test_totals_are_told_by_their_word_or_by_what_they_leave_open(read, row):
    reading, rows = read("Day,Campaign,Ad group,Cost,Impr.,Clicks", "2024-05-01,Other,G,1,100,6", f"{row},1,100,5")
    assert [row.campaign for row in rows] == ["Other"] and "total" in reading.rejected[0].reason


@pytest.mark.parametrize("name", ["tag", "period", "time", "month", "week", "date"])
def test_a_column_named_as_a_date_without_any_day_is_an_input(read, name):
    reading, rows = read(f"{name},visits,buys", "shoes,100,3", "bags,90,2", mapping={"clicks": "visits", "conversions": "buys"})
    assert [row.inputs for row in rows] == [{name: "shoes"}, {name: "bags"}] and rows[0].date is None
    assert any(f"no cell of {name} is a day" in note for note in reading.notes)


def test_another_column_is_the_date_where_the_best_name_has_no_day(read):
    _, rows = read("tag,week,campaign,impressions,clicks", *(f"new,2024-W{10 + n},A,100,5" for n in range(3)))
    assert rows[0].date == "2024-03-04" and rows[0].inputs == {"tag": "new"}


def test_a_column_of_words_beside_the_date_is_an_input_whatever_it_is_called(read):
    reading, rows = read("Date,tag,month,campaign,impressions,clicks", "2024-05-01,new,May,A,100,5", "2024-06-02,old,June,A,100,5")
    assert [row.inputs for row in rows] == [{"tag": "new"}, {"tag": "old"}] and any("month" in note for note in reading.notes)


@pytest.mark.parametrize("cell", ["03/04/2024", "31.02.2024"])
def test_days_that_cannot_be_read_are_still_told_and_no_input(read, cell):
    reading, rows = read("date,campaign,impressions,clicks", f"{cell},A,100,5")
    assert not rows and cell in reading.rejected[0].reason


@pytest.mark.parametrize("cell", ["₹12,34,567.50", "12,34,567.50", "₹ 12,34,567.50"])
def test_numbers_in_indian_groups(read, cell):
    _, (row, small) = read("date,campaign,spend,impressions,clicks", f'2024-05-01,A,"{cell}","1,23,456",5', '2024-05-02,A,"1,234.50",10,5')
    assert (row.spend, row.impressions, small.spend) == (1234567.5, 123456, 1234.5)


@pytest.mark.parametrize("cell", ["1,2,345", "12,345,67", "1,23,45"])
def test_commas_that_group_nothing_make_no_number(read, cell):
    reading, rows = read("date,campaign,spend,impressions,clicks", f'2024-05-01,A,"{cell}",100,5', '2024-05-02,A,"1,234.50",10,5')
    assert len(rows) == 1 and "is not a number" in reading.rejected[0].reason


def test_a_western_file_whose_header_has_a_sign_of_euro(read):
    _, rows = read("Tag;Kampagne;Kosten (€);Impressionen;Klicks", "2024-05-01;Brand;12,50;1000;20", encoding="cp1252")
    assert (rows[0].spend, rows[0].currency, rows[0].campaign) == (12.5, "EUR", "Brand")


@pytest.mark.parametrize("header", ["Tag;Kampagne;Währung;Kosten;Impressionen;Klicks", "Día;Campaña;Moneda;Costo;Impresiones;Clics"])
def test_a_western_file_with_letters_in_its_header(read, header):
    reading, rows = read(header, "2024-05-01;Brand;EUR;12,50;1000;20", encoding="cp1252")
    assert (rows[0].spend, rows[0].currency, rows[0].campaign) == (12.5, "EUR", "Brand")
    assert any("cp1252" in note for note in reading.notes)


def test_a_file_of_an_old_mac_is_told_by_the_same_names(read):
    reading, rows = read("Tag;Kampagne;Kosten (€);Impressionen;Klicks", "2024-05-01;Brünn;12,50;1000;20", encoding="mac_roman")
    assert rows[0].campaign == "Brünn" and any("mac_roman" in note for note in reading.notes)


def test_a_header_of_no_known_name_in_no_encoding_is_still_refused(tmp_path):
    path = tmp_path / "odd.csv"
    path.write_bytes("Дата,Кампания,Показы".encode("koi8_r") + b"\n2024-05-01,A,2\n")
    reading = read_campaigns(path)
    assert reading.kept == 0 and reading.rejected


def test_a_row_of_a_calendar_may_leave_an_input_blank(read):
    reading, _ = read("Day,Holiday,Weather", "2024-05-01,Labour Day,", "2024-05-02,,sun", ",Nothing,rain")
    assert reading.kept == 2 and [one.reason for one in reading.rejected] == ["no date to join by"]
