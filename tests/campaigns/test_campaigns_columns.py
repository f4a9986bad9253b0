"""What a column is, by its name alone: fields, inputs, and the ones that no model may read."""

import pytest

from adtune.archive.campaigns.header import layout_of

BASE = ["Day", "Campaign", "Cost", "Impressions", "Clicks", "Conversions", "Conv. value"]
DERIVED = ("CTR|Avg. CPC|Avg. cost|AverageCpc|Cost / conv.|Cost / all conv.|Conv. "
           "rate|ConversionRate|CostPerConversion|ReturnOnAdSpend|Value / conv.|"
           "Conv. value / click|Interaction rate|CPM (cost per 1,000 impressions) (EUR)|CPC (all)|Cost per results|Purchase ROAS (return "
           "on ad spend)|"
           "Quality ranking|Conversion rate ranking|Click-Thru Rate (CTR)|Total Advertising Cost of Sales (ACOS)|7 Day Conversion "
           "Rate|eCPSU|CPC_DESTINATION|"
           "Result rate|Open Rate|Spam Complaints Rate|Bounce rate|Session key event rate|Average engagement time per "
           "session|GROSS_DISCOUNT|duration|"
           "Coût par résultat|Kosten pro Ergebnis|Costo por resultado|winner|first_place|significance|Avg. CPV|100% video view rate")
OUTCOME = ("Clicks (all)|Outbound clicks|Unique link clicks|Invalid clicks|All conv.|View-through conv.|Cross-device conv.|Conversions "
           "(by time)|Video views|"
           "2-second video views|6-second video views|Video played to 25%|Video views at 50%|ThruPlays|Landing page views|Adds to "
           "cart|Checkouts initiated|"
           "Post engagements|Page likes|Paid followers|Post comments|Swipe Ups|Lead form opens|Social actions|Event count|New "
           "users|Engaged sessions|"
           "7 Day Advertised SKU Sales|7 Day Total Units (#)|Total Opens|Unsubscribes|EMAIL_CLICKS|FIRST_PURCHASES|Total order "
           "value|Viewable impressions")
CURRENT = ("Budget|Ad set budget|Campaign daily budget|Bid strategy type|Max. CPC|Target CPA|Target ROAS|Campaign status|Delivery|"
           "Quality Score|Ad set budget type")
PERSONAL = "Email|Customer email|Phone|First name|Billing Name|Billing Street|User ID|gclid|IP address|Date of birth"
INPUT = ("Search impr. share|Impr. (Top) %|Reach|Frequency|Placement|Impression device|Keyword|Match type|Country|Price|Basket value|Free "
         "returns|Headline|"
         "Description|Weather|Promo|competitor_sales_B|population|Landing page|Video duration|Return policy|Discount "
         "code|Temperature|Objective|Stock level")


def kinds(name: str) -> str:
    found = layout_of([*BASE, name], {}, [], "export.csv")
    if name in found.refused:
        return found.refused[name]
    if any(title == name for title, _ in found.settings):
        return "current"
    return "input" if found.inputs else "field" if len(found.fields) > len(BASE) else "ignored"


@pytest.mark.parametrize(("names", "kind"), [(DERIVED, "derived"), (OUTCOME, "outcome"), (CURRENT, "current"), (PERSONAL, "personal"),
                                             (INPUT, "input")],
                         ids=["derived", "outcome", "current", "personal", "input"])
def test_columns_are_told_by_their_names(names, kind):
    assert {name: kinds(name) for name in names.split("|") if kinds(name) != kind} == {}


@pytest.mark.parametrize(("header", "fields"), [
    ("TimePeriod,AccountName,CampaignName,AdGroupName,CurrencyCode,Impressions,Clicks,Spend,Conversions,Revenue",
     "date account campaign ad_group currency impressions clicks spend conversions value"),
    ("Date,Campaign name,Amount spent (EUR),Impressions,Link clicks,Website leads", "date campaign spend impressions clicks conversions"),
    ("date_start,date_stop,campaign_name,adset_name,spend,impressions,clicks,account_currency",
     "start end campaign ad_group spend impressions clicks currency"),
    ("Datum,Kampagne,Kosten,Impressionen,Klicks,Conversions,Conversion-Wert", "date campaign spend impressions clicks conversions value"),
    ("Data,Kampagnenname,Coste,Impresiones,Clics", "date campaign spend impressions clicks")])
def test_fields_are_told_by_their_names(header, fields):
    assert set(layout_of(header.split(","), {}, [], "export.csv").fields) == set(fields.split())


def test_a_mapped_column_serves_no_second_field():
    found = layout_of(["Tag", "Clicks", "Leads", "Purchases"], {"conversions": "Leads", "impressions": "Clicks"}, [], "export.csv")
    assert found.fields == {"date": 0, "impressions": 1, "conversions": 2} and found.refused == {"Purchases": "outcome"}
