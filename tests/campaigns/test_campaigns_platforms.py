"""Each platform's export in its own shape: headers, preambles, footers, languages, encodings, and what is left out of it."""

import pytest

META = ("Reporting starts,Reporting ends,Campaign name,Campaign ID,Ad set name,Ad name,Delivery,Attribution setting,Result "
        "indicator,Results,Reach,"
        "Frequency,Impressions,Amount spent (EUR),Link clicks,Clicks (all),CTR (all),CPC (cost per link click),Purchases,"
        "Purchases conversion value,Purchase ROAS (return on ad spend),Ad set budget")


def refused(answer) -> dict:
    return {one["column"]: one["reason"] for one in answer["refused"]}


def test_meta_by_day(take):
    answer, rows = take(META,
                        "2024-05-01,2024-05-01,Dresses,111,Women,Ad 1,active,7-day "
                        "click,actions:omni_purchase,2,800,1.25,1000,12.50,20,35,3.5,0.63,"
                        "2,130.00,10.4,20",
                        "2024-05-02,2024-05-02,Dresses,111,Women,Ad 1,active,7-day "
                        "click,actions:omni_purchase,1,900,1.33,1200,13.00,25,40,3.3,0.52,"
                        "1,65.00,5.0,20")
    assert answer["platforms"] == ["Meta Ads Manager"] and answer["added"] == 2
    row = rows[0]
    assert (row.date, row.channel, row.campaign, row.ad_group, row.ad, row.currency) == ("2024-05-01", "Meta", "Dresses", "Women", "Ad 1",
                                                                                         "EUR")
    assert (row.spend, row.impressions, row.clicks, row.conversions, row.value) == (12.5, 1000, 20, 2, 130.0)
    assert row.attribution == "7-day click" and row.open and row.source.line == 2 and row.source.id == "111"
    assert set(row.inputs) == {"Reach", "Frequency"} and any("Reach does not add up" in note for note in answer["notes"])
    assert {"CTR (all)", "CPC (cost per link click)", "Clicks (all)", "Results", "Purchase ROAS (return on ad spend)", "Ad set budget",
            "Delivery"} \
        == set(refused(answer))


@pytest.mark.parametrize(("header", "cells", "delimiter"), [
    (("Jour", "Nom de la campagne", "Montant dépensé (USD)", "Impressions", "Clics sur un lien", "Achats"),
     ("2024-05-01", "Robes", "1\u202f234,56", "10\u202f000", "200", "3"), ";"),
    (("Fecha", "Nombre de la campaña", "Importe gastado (USD)", "Impresiones", "Clics en el enlace", "Compras"),
     ("2024-05-01", "Robes", "1.234,56", "10.000", "200", "3"), ";"),
    (("Tag", "Kampagnenname", "Ausgegebener Betrag (USD)", "Impressionen", "Linkklicks", "Käufe"),
     ("01.05.2024", "Robes", "1.234,56", "10.000", "200", "3"), ";"),
    (("Giorno", "Nome campagna", "Importo speso (USD)", "Impressioni", "Clic", "Acquisti"),
     ("2024-05-01", "Robes", "1234,56", "10000", "200", "3"), "\t")])
def test_languages_with_their_numbers(take, header, cells, delimiter):
    _, (row,) = take(delimiter.join(header), delimiter.join(cells))
    assert (row.date, row.campaign, row.currency) == ("2024-05-01", "Robes", "USD")
    assert (row.spend, row.impressions, row.clicks, row.conversions) == (1234.56, 10000, 200, 3)


GOOGLE = ("Campaign report", '"May 1, 2024 - May 3, 2024"',
          "Campaign status\tCampaign\tCampaign type\tDay\tCurrency code\tCost\tImpr.\tClicks\tCTR\tAvg. CPC\tConversions\tConv. "
          "value\tConv. value / cost\t"
          "Search impr. share\tSearch lost IS (budget)\tBudget\tBid strategy type",
          "Enabled\tBrand\tSearch\t2024-05-01\tEUR\t1,033.33\t12,500\t480\t3.84%\t2.15\t12.50\t1,900.00\t1.84\t> 90%\t< "
          "10%\t500.00\tTarget CPA",
          "Enabled\tBrand\tShopping\t2024-05-02\tEUR\t900.10\t11,000\t400\t3.64%\t2.25\t--\t0.00\t0.00\t64.20%\t12.00%\t500.00\tTarget CPA",
          "Total: Campaigns\t--\t--\t--\tEUR\t1,933.43\t23,500\t880\t3.74%\t2.20\t12.50\t1,900.00\t0.98\t--\t--\t--\t--",
          "Total: Account\t--\t--\t--\tEUR\t1,933.43\t23,500\t880\t3.74%\t2.20\t12.50\t1,900.00\t0.98\t--\t--\t--\t--")


def test_google_ads_with_preamble_utf_16_totals_and_censored_shares(take):
    answer, rows = take(*GOOGLE, encoding="utf-16", name="report.csv")
    assert answer["platforms"] == ["Google Ads"] and [one["where"] for one in answer["rejections"]] == ["line 6", "line 7"]
    assert all("total" in one["reason"] for one in answer["rejections"])
    assert [row.channel for row in rows] == ["Google Search", "Google Shopping"] and rows[0].source.line == 4
    assert (rows[0].spend, rows[0].impressions, rows[0].conversions, rows[1].conversions) == (1033.33, 12500, 12.5, None)
    assert rows[0].censored == {"input:Search impr. share": (0.9, 1.0), "input:Search lost IS (budget)": (0.0, 0.1)}
    assert "Search impr. share" not in rows[0].inputs and rows[1].inputs["Search impr. share"] == pytest.approx(0.642)
    assert {"CTR", "Avg. CPC", "Conv. value / cost", "Budget", "Bid strategy type", "Campaign status"} == set(refused(answer))
    assert "today's setting" in refused(answer)["Budget"]


def test_a_budget_that_changes_from_day_to_day_is_an_input(take):
    answer, rows = take("Day,Campaign,Impr.,Clicks,Cost,Budget", *(f"2024-05-0{day},Brand,100,5,2.00,{10 * day}" for day in range(1, 5)))
    assert rows[2].inputs == {"Budget": 30.0} and answer["refused"] == []


def test_an_api_gives_cost_in_micros(take):
    _, (row,) = take("segments.date,campaign.name,metrics.cost_micros,metrics.impressions,metrics.clicks", "2024-05-01,Brand,2500000,100,5",
                     mapping={"date": "segments.date", "campaign": "campaign.name", "spend": "metrics.cost_micros", "impressions":
                              "metrics.impressions", "clicks": "metrics.clicks"})
    assert row.spend == 2.5


def test_tiktok_full_width_brackets_masked_cells_and_total(take):
    answer, rows = take("By Day,Campaign name,Ad name,Website URL (Ad level），Currency,Cost,Impressions,Clicks (destination),Clicks (all),"
                        "CTR (destination),Conversions,CPA,Video views".replace("，", ","),
                        "2024-05-01,Spring,Ad A,https://example.com/a,USD,10.5,1000,12,15,1.2,<5,2.1,700",
                        "2024-05-02,Spring,Ad A,https://example.com/a,USD,11.5,1100,14,19,1.3,7,1.6,740",
                        "Total of 2 results,-,-,-,USD,22,2100,26,34,1.2,-,-,1440")
    assert answer["platforms"] == ["TikTok Ads Manager"] and answer["kept"] == 2
    assert rows[0].conversions is None and rows[0].censored == {"conversions": (0.0, 4.0)} and rows[1].conversions == 7
    assert rows[0].clicks == 12 and {"Clicks (all)", "CPA", "CTR (destination)", "Video views"} == set(refused(answer))
    assert any("only a bound" in note for note in answer["notes"])


def test_linkedin_utc_days_month_first(take):
    answer, rows = take("Campaign Performance Report (in UTC)", '"Report Start: 09/01/2026, Report End: 09/02/2026"', "",
                        "Start Date (in UTC),Account Name,Campaign Group Name,Campaign Name,Campaign ID,Currency,Total "
                        "Spent,Impressions,Clicks,"
                        "Clicks to Landing Page,Conversions,Total Conversion Value",
                        "9/1/2026,Acme,Autumn,Leads,77,USD,50.25,2000,14,11,2,180", "9/2/2026,Acme,Autumn,Leads,77,USD,40,1800,12,10,0,0",
                        "Total,,,,,,90.25,3800,26,21,2,180", name="li.csv")
    assert answer["platforms"] == ["LinkedIn Campaign Manager"] and [row.date for row in rows] == ["2026-09-01", "2026-09-02"]
    assert rows[0].time_zone == "UTC" and rows[0].account == "Acme" and rows[0].spend == 50.25
    assert answer["rejections"][0]["where"] == "line 7"
    assert rows[0].clicks == 14 and "Clicks to Landing Page" in refused(answer)


def test_microsoft_preamble_and_footer(take):
    answer, rows = take('"Report Name: Campaigns"', '"Report Time: 5/1/2024,5/2/2024"', '"Time Zone: Greenwich Mean Time"', '"Rows: 2"', "",
                        "Gregorian date,Account name,Campaign name,Currency code,Impressions,Clicks,Spend,Conversions,Revenue",
                        "5/1/2024,Acme,Brand,GBP,500,20,8.00,1,40.00", "5/13/2024,Acme,Brand,GBP,450,18,7.00,0,0.00",
                        '"©2024 Microsoft Corporation. All rights reserved. "')
    assert answer["platforms"] == ["Microsoft Advertising"] and answer["kept"] == 2 and "footer" in answer["rejections"][0]["reason"]
    assert rows[0].date == "2024-05-01" and rows[0].time_zone == "Greenwich Mean Time" and rows[0].channel == "Microsoft Ads"


@pytest.mark.parametrize(("platform", "channel", "header", "cells", "expected"), [
    ("Pinterest Ads", "Pinterest", "Date,Campaign name,Promoted Pin Name,Spend in account currency,Impressions,Pin clicks,Outbound clicks,"
     "Total conversions (Checkout),Total order value (Checkout)", "2024-05-01,Spring,Pin 1,8,900,30,12,2,90", (8, 900, 30, 2, 90)),
    ("Snapchat Ads", "Snapchat", "Start Time,Campaign Name,Ad Squad Name,Ad Name,Currency,Spend,Paid Impressions,Swipe Ups,eCPSU,Purchases,"
     "Purchases Value", "2024-05-01,Spring,Women,Snap 1,EUR,8,900,30,0.27,2,90", (8, 900, 30, 2, 90)),
    ("Amazon Ads", "Amazon", "Date,Portfolio name,Currency,Campaign Name,Ad Group Name,Impressions,Clicks,Click-Thru Rate (CTR),Spend,"
     "7 Day Total Sales ,Total Advertising Cost of Sales (ACOS) ,7 Day Total Orders (#)",
     '"May 1, 2024",P,EUR,Spring,G,900,30,3.3%,8,90,8.9%,2',
     (8, 900, 30, 2, 90)),
    ("Display & Video 360", "DV360", "Date,Advertiser,Insertion Order,Line Item,Creative,Impressions,Clicks,Revenue (Adv Currency),"
     "Total Conversions", "2024/05/01,Acme,Spring,L1,Banner,900,30,8,2", (8, 900, 30, 2, None)),
    ("Campaign Manager 360", "CM360", "Date,Advertiser,Campaign,Site (CM360),Placement,Creative,Impressions,Clicks,Media Cost,Total "
                                      "Conversions,"
     "Total Revenue", "2024-05-01,Acme,Spring,News,P1,Banner,900,30,8,2,90", (8, 900, 30, 2, 90)),
    ("e-mail", "E-mail", "Campaign Name,Subject,Send Time,Total Recipients,Unique Placed Order,Revenue,Unique Opens,Open Rate,Unique "
                         "Clicks,"
     "Unsubscribes,Successful Deliveries", "Spring,New dresses,2024-05-01 09:00:00,950,2,90,300,33.3%,30,1,900", (None, 900, 30, 2, 90))])
def test_other_platforms(take, platform, channel, header, cells, expected):
    answer, (row,) = take(header, cells)
    assert answer["platforms"] == [platform] and (row.channel, row.campaign, row.date) == (channel, "Spring", "2024-05-01")
    assert (row.spend, row.impressions, row.clicks, row.conversions, row.value) == expected


def test_cm360_long_preamble_and_grand_total(take):
    answer, rows = take("Spring report", "Report Generated,5/3/2024 10:00", "Account ID,4711", "Date Range,5/1/2024 - 5/2/2024",
                        "MRC Accredited Metrics,x",
                        "", "Report Fields", "Date,Campaign,Placement,Impressions,Clicks,Media Cost", "2024-05-01,Spring,P1,900,30,8",
                        "2024-05-02,Spring,P1,800,20,7", "Grand Total:,,,1700,50,15")
    assert answer["kept"] == 2 and answer["rejections"] == [{"where": "line 11", "reason": answer["rejections"][0]["reason"]}]
    assert rows[0].campaign == "Spring" and sum(row.spend for row in rows) == 15


def test_ga4_sessions_with_comment_preamble(take):
    answer, rows = take("# ----------------------------------------", "# Traffic acquisition", "# Start date: 20240501",
                        "# End date: 20240502",
                        "# ----------------------------------------",
                        "Date,Session source / medium,Session campaign,Sessions,Engaged sessions,"
                        "Key events,Total revenue", "20240501,google / cpc,Brand,480,300,12,1900",
                        "20240502,newsletter / email,(not set),50,40,1,60")
    assert answer["platforms"] == ["Google Analytics 4"] and answer["kept"] == 2
    assert (rows[0].channel, rows[0].clicks, rows[0].conversions, rows[0].value) == ("google / cpc", 480, 12,
                                                                                     1900) and rows[1].campaign is None


def test_shopify_orders_become_days_of_products_without_persons(take):
    answer, rows = take("Name,Email,Financial Status,Paid at,Currency,Subtotal,Total,Created at,Lineitem quantity,Lineitem name,Lineitem "
                        "price,"
                        "Lineitem sku,Billing Name,Refunded Amount,Cancelled at",
                        "#1001,a@example.com,paid,2024-05-01 10:00:00 +0200,EUR,120,120,2024-05-01 10:00:00 +0200,1,Linen dress,80,DR-1,A "
                        "Person,0,",
                        "#1001,a@example.com,,,,,,2024-05-01 10:00:00 +0200,2,Belt,20,BE-1,,,",
                        "#1002,b@example.com,partially_refunded,2024-05-01 23:30:00 -0400,EUR,80,80,2024-05-01 23:30:00 -0400,1,Linen "
                        "dress,80,DR-1,B,30,",
                        "#1003,c@example.com,voided,,EUR,20,20,2024-05-02 09:00:00 +0200,1,Belt,20,BE-1,C,0,")
    assert answer["kept"] == 3 and answer["rejections"][0] == {"where": "line 5", "reason": "the order was not paid"}
    found = {row.inputs["sku"]: row for row in rows}
    assert (found["DR-1"].date, found["DR-1"].conversions, found["DR-1"].value, found["DR-1"].channel) == ("2024-05-01", 2, 130.0, "shop")
    assert found["BE-1"].value == 40.0 and "example.com" not in repr(rows) and "Person" not in repr(rows)


def test_a_product_feed_is_joined_by_sku(take, ws, export):
    answer, rows = take("Day,Campaign,Campaign type,Item ID,Impr.,Clicks,Cost", "2024-05-01,Shop,Shopping,DR-1,100,5,2",
                        "2024-05-01,Shop,Shopping,XX,100,4,2")
    feed = export("id,title,price,availability,google_product_category,image_link,link",
                  "dr-1,Linen dress,80.00 EUR,in stock,Dresses,http://x,http://y",
                  ",No id,1.00 EUR,in stock,Dresses,,", name="feed.csv")
    answer, rows = take(path=feed)
    assert (answer["added"], answer["kept"], answer["rejected"]) == (1, 1, 1) and "by sku" in answer["notes"][0]
    assert rows[0].inputs == {"campaign type": "Shopping", "sku": "DR-1", "product": "Linen dress", "price": 80.0,
                              "availability": "in stock",
                              "google_product_category": "Dresses"} or rows[0].inputs["price"] == 80.0
    assert "price" not in rows[1].inputs


CONJURA = ("MMM_TIMESERIES_ID,ORGANISATION_VERTICAL,DATE_DAY,CURRENCY_CODE,ALL_PURCHASES,ALL_PURCHASES_ORIGINAL_PRICE,"
           "ALL_PURCHASES_GROSS_DISCOUNT,"
           "FIRST_PURCHASES,GOOGLE_PAID_SEARCH_SPEND,GOOGLE_PAID_SEARCH_CLICKS,GOOGLE_PAID_SEARCH_IMPRESSIONS,META_INSTAGRAM_SPEND,"
           "META_INSTAGRAM_CLICKS,META_INSTAGRAM_IMPRESSIONS,EMAIL_CLICKS")


def test_a_wide_brand_file_becomes_rows_of_channels_and_of_the_brand(take):
    answer, rows = take(CONJURA, "b1,Fashion,2024-05-01,EUR,30,2400,240,11,50,40,900,20,30,2000,12",
                        "b1,Fashion,2024-05-02,EUR,28,2200,200,9,55,45,950,,,,11",
                        "b1,Fashion,2024-05-03,EUR,28,2200,200,9,55,4500,950,,,,11")
    assert (answer["read"], answer["kept"], answer["added"], answer["rows"]) == (3, 3, 3, 6)
    found = {(row.date, row.channel): row for row in rows}
    search, brand = found["2024-05-01", "Google paid search"], found["2024-05-01", "all channels"]
    assert (search.spend, search.clicks, search.impressions, search.conversions) == (50, 40, 900, None) and search.account == "b1"
    assert (brand.conversions, brand.value, brand.spend, brand.inputs["total spend"]) == (30, 2160.0, None, 70.0)
    assert sum(row.spend or 0 for row in rows) == 125.0 and ("2024-05-02", "Meta instagram") not in found
    assert {"ALL_PURCHASES_GROSS_DISCOUNT", "FIRST_PURCHASES", "EMAIL_CLICKS"} <= set(refused(answer))
    assert any("more clicks (4500) than impressions (950)" in note for note in answer["notes"])


def test_any_table_by_map(take):
    answer, rows = take("wann;wo;gesehen;geklickt;ertrag;Wetter", "2024-05-01;Plakat;100;5;12,5;sonnig",
                        "2024-05-02;Plakat;110;6;13,5;Regen",
                        mapping={"date": "wann", "channel": "wo", "impressions": "gesehen", "clicks": "geklickt", "value": "ertrag"})
    assert answer["platforms"] == [] and rows[1].inputs == {"Wetter": "Regen"}
    assert (rows[0].channel, rows[0].impressions, rows[0].value) == ("Plakat", 100, 12.5)
