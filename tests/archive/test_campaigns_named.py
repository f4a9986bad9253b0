"""Columns of campaign files by their names: other languages, ids, settings and persons."""

import pytest

from adtune.archive.campaigns import read_campaigns
from adtune.archive.campaigns.header import layout_of

BASE = ["Day", "Campaign", "Cost", "Impressions", "Clicks"]


def kind(name: str, base=BASE) -> str:
    found = layout_of([*base, name], {}, [], "export.csv")
    at = len(base)
    if name in found.refused:
        return found.refused[name]
    if name in (title for title, _ in found.settings):
        return "current"
    if at in (place for _, place, _ in found.inputs):
        return "input"
    return next((field for field, place in found.fields.items() if place == at), "left out" if name in found.left else "untold")


@pytest.mark.parametrize(("field", "names"), [
    ("value", "Conv.-Wert|Conversion-Wert für Käufe|Kaufwert|Valeur de conv.|Valor de conv.|Valor de conversión|Valeur de conversion|Wert"),
    ("conversions", "Ergebnisse|Résultats|Resultados|Conv."),
    ("currency", "Währungscode|Code de devise|Código de moneda"), ("ad", "Name der Anzeige|Nom de l’annonce|Anuncio"),
    ("ad_group", "Name der Anzeigengruppe|Anzeigengruppe"),
    ("derived", "Conv.-Rate|Conversion-Rate|Taux de conv.|Taux de conversion|Tasa de conv.|Porcentaje de conv.|Klickrate|Taux de clics|"
                "Kosten/Conv.|Coût/conv.|Costo/conv.|Conv.-Wert/Kosten|Valeur de conv./coût|Valor de conv./costo|Durchschn. CPC|CPC moy.|"
                "Wert/Conv.|Interaktionsrate|Durchschn. Kosten|Coût moy.|Costo prom."),
    ("current", "Kampagnenstatus|État de la campagne|Estado de la campaña|Campaign status|Ad status|Ad group status|Keyword state|Status|"
                "Campaign state|Delivery|Effective status|Bid"),
    ("input", "marital status|Loyalty status|state|is_paid|android|hybrid|Madrid|shipping speed|billing cycle|Shipping method|"
              "customer state"),
    ("personal", "shipping address|Shipping Name|billing name|Billing phone|billing zip|Billing Address1|shipping city|user_id|userid"),
    ("left out", "audience_id|ID|pageId|ids|Row number|tags")])
def test_columns_by_their_names(field, names):
    assert {name: kind(name) for name in names.split("|") if kind(name) != field} == {}


def test_results_beside_purchases_are_another_outcome_in_any_language():
    for bought, results in (("Purchases", "Results"), ("Käufe", "Ergebnisse"), ("Achats", "Résultats"), ("Compras", "Resultados")):
        found = layout_of(["Day", "Impressions", "Clicks", bought, results], {}, [], "export.csv")
        assert found.fields["conversions"] == 3 and found.refused == {results: "outcome"}


@pytest.mark.parametrize(("value", "all_"), [("Conv.-Wert", "Wert aller Conv."), ("Valeur de conv.", "Valeur de toutes les conv."),
                                             ("Valor de conv.", "Valor de todas las conv."), ("Conv. value", "All conv. value")])
def test_the_value_of_all_conversions_is_another_outcome_in_any_language(value, all_):
    found = layout_of(["Day", "Impressions", "Clicks", all_, value, "Value"], {}, [], "export.csv")
    assert found.fields["value"] == 4 and found.refused == {all_: "outcome", "Value": "outcome"}


def test_a_status_of_people_without_days_is_an_input():
    people = ["age", "clicks", "conversions"]
    assert kind("status", people) == "input" and kind("campaign status", people) == "current"


@pytest.mark.parametrize(("channel", "header"), [
    ("Meta", "Tag,Kampagnenname,Anzeigengruppenname,Ausgegebener Betrag (EUR),Impressionen,Linkklicks,Käufe,Conversion-Wert für Käufe"),
    ("Meta", "Día,Nombre de la campaña,Nombre del conjunto de anuncios,Importe gastado (EUR),Impresiones,Clics en el enlace,Compras,"
             "Valor de conversión de compras"),
    ("Meta", "Jour,Nom de la campagne,Nom de l’ensemble de publicités,Montant dépensé (EUR),Impressions,Clics sur un lien,Achats,"
             "Valeur de conversion des achats"),
    ("Google Ads", "Tag,Kampagne,Anzeigengruppe,Währungscode,Kosten,Impr.,Klicks,Conversions,Conv.-Wert"),
    ("Google Ads", "Día,Campaña,Grupo de anuncios,Código de moneda,Costo,Impr.,Clics,Conversiones,Valor de conv."),
    ("Google Ads", "Jour,Campagne,Groupe d’annonces,Code de devise,Coût,Impr.,Clics,Conversions,Valeur de conv.")])
def test_the_channel_of_exports_in_other_languages(tmp_path, channel, header):
    names = header.split(",")
    money = "EUR" if channel == "Google Ads" else None
    cells = ["2024-05-01", "Robes", "Femmes", *([money] if money else []), "12.5", "1000", "20", "2", "130"]
    assert len(cells) == len(names)
    (tmp_path / "export.csv").write_text(f"{header}\n{','.join(cells)}\n")
    (row,) = read_campaigns(tmp_path / "export.csv").tables[0].to_pylist()
    assert (row["channel"], row["currency"], row["campaign"], row["ad_group"]) == (channel, "EUR", "Robes", "Femmes")
    assert (row["spend"], row["impressions"], row["clicks"], row["conversions"], row["value"]) == (12.5, 1000, 20, 2, 130)


@pytest.mark.parametrize(("header", "word", "channel"), [
    ("Tag,Kampagne,Kampagnentyp,Währungscode,Kosten,Impr.,Klicks,Conv.-Wert", "Suchnetzwerk", "Google Search"),
    ("Día,Campaña,Tipo de campaña,Código de moneda,Costo,Impr.,Clics,Valor de conv.", "Búsqueda", "Google Search"),
    ("Jour,Campagne,Type de campagne,Code de devise,Coût,Impr.,Clics,Valeur de conv.", "Réseau Display", "Google Display"),
    ("Tag,Kampagnenname,Plattform,Währung,Ausgegebener Betrag,Impressionen,Linkklicks,Conversion-Wert für Käufe", "Instagram", None)])
def test_the_channel_by_campaign_type_in_other_languages(tmp_path, header, word, channel):
    (tmp_path / "meta.csv").write_text(f"{header}\n2024-05-01,A,{word},EUR,12.5,1000,20,130\n")
    (row,) = read_campaigns(tmp_path / "meta.csv").tables[0].to_pylist()
    assert row["channel"] == (channel or "Instagram")


def test_what_is_left_out_is_told(tmp_path):
    (tmp_path / "export.csv").write_text("Day,Campaign,audience_id,is_paid,Impr.,Clicks\n2024-05-01,A,77,1,100,5\n")
    reading = read_campaigns(tmp_path / "export.csv")
    assert any("audience_id" in note and "left out" in note for note in reading.notes)
    assert reading.tables[0].column_names[-1] == "input:is_paid"
