"""The platforms whose exports are known, each with the words that only it writes; whatever is none of them is a table like any other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..columns import squeezed


@dataclass(frozen=True)
class Platform:
    """One platform. `signs` are column names that tell it (a name in `sure` is enough by itself), `preamble` a line above the header,
    `file` a word in the file's name; `names` puts a field's columns before the usual ones. `days` is how long its conversions come in after
    a day, where the file does not say; `american` that it writes the month first; `zone` the time zone of its days where it is always the
    same."""

    name: str
    channel: str | None
    signs: str
    sure: str = ""
    preamble: str = "$^"
    file: str = "$^"
    names: Mapping[str, str] = field(default_factory=dict)
    days: int = 7
    american: bool = False
    zone: str | None = None
    kind: str = "campaigns"


PLATFORMS = (
    Platform("Meta Ads Manager", "Meta", "amount spent, ad set name, adset name, link clicks, purchases conversion value, results, "
                                         "delivery, cost "
             "per results, ctr link click-through rate, clicks all, website purchases, montant dépensé, importe gastado, ad set id, reach, "
             "ausgegebener betrag, anzeigengruppenname, name der anzeigengruppe, linkklicks, ergebnisse, reichweite, "
             "conversion-wert für käufe, nombre del conjunto de anuncios, clics en el enlace, resultados, alcance, "
             "auslieferung, kosten pro ergebnis, klicks alle, diffusion, coût par résultat, clics tous, entrega, "
             "costo por resultado, clics todos, valor de conversión de compras, clics sur un lien, résultats, couverture, "
             "valeur de conversion des achats",
             "reporting starts, reporting ends, attribution setting, result indicator, nom de l’ensemble de publicités, adset name, "
             "berichtsbeginn, berichtsende, attributionseinstellung, inicio del informe, fin del informe, configuración de atribución, "
             "début des rapports, fin des rapports, paramètre d’attribution",
             file=r"meta|facebook|instagram|\bfb\b", names={"date": "day, jour, fecha, tag, giorno"}),
    Platform("Google Ads", "Google Ads", "campaign type, impr, avg cpc, conv value, cost / conv, currency code, cost, search keyword, "
                                         "match type, "
             "conv rate, campaign status, ad group, kampagnentyp, kampagnenstatus, anzeigengruppe, währungscode, kosten, conv.-wert, "
             "conv.-rate, kosten / conv, durchschn cpc, type de campagne, état de la campagne, groupe d’annonces, code de devise, coût, "
             "valeur de conv, taux de conv, coût / conv, cpc moy, tipo de campaña, estado de la campaña, grupo de anuncios, "
             "código de moneda, costo, coste, valor de conv, tasa de conv, porcentaje de conv, costo / conv, coste / conv, cpc prom, "
             "cpc medio", "search impr share, search lost is rank, search lost is budget, impr top %, conv "
                                                     "value / "
             "cost, impr abs top %, conv.-wert / kosten, valeur de conv / coût, valor de conv / costo, valor de conv / coste",
             r"(campaign|ad group|search (terms|keyword)s?|ad|shopping|product|keyword).{0,20} report|google ads|"
             r"(kampagnen|anzeigengruppen|suchbegriff|keyword).{0,20}bericht|informe de (las )?(campañas|grupos de anuncios)|"
             r"rapport (sur |des )?(les )?(campagnes|groupes d.annonces)",
             r"google|adwords|gads", days=30),
    Platform("TikTok Ads Manager", "TikTok", "by day, 2-second video views, 6-second video views, cost per 1000 people reached, ad group "
                                             "name, "
             "website url", "clicks destination, cpc destination, ctr destination, cost per 1,000 people reached", file="tik.?tok"),
    Platform("LinkedIn Campaign Manager", "LinkedIn", "campaign group name, total spent, clicks to landing page, total conversion value, "
                                                      "average ctr",
             "start date in utc, clicks to landing page, campaign group name", r"campaign performance report|ad performance "
                                                                               r"report.*utc", "linkedin",
             {"date": "start date (in utc), start date"}, 30, True),
    Platform("Microsoft Advertising", "Microsoft Ads", "time period, account name, campaign name, delivered match type, bid match type, "
                                                       "top vs other, "
             "currency code, spend, impression share percent", "gregorian date, delivered match type, top vs other",
             r"microsoft (corporation|advertising)|report name: |last completed available", "bing|microsoft|msads", days=30, american=True),
    Platform("Pinterest Ads", "Pinterest", "pin clicks, outbound clicks, promoted pin name, total order value checkout, saves, earned "
                                           "impressions",
             "pin clicks, spend in account currency, promoted pin name, total conversions checkout", file="pinterest", days=30),
    Platform("Snapchat Ads", "Snapchat", "swipe ups, paid impressions, ad squad name, ecpsu, swipes, screen time",
             "ad squad name, swipe ups, ecpsu", file=r"snap", days=28),
    Platform("Amazon Ads", "Amazon", "portfolio name, customer search term, targeting, match type, click thru rate ctr, cost per click cpc",
             "7 day total sales, 14 day total sales, advertised sku, advertised asin, total advertising cost of sales acos, acos, 7 day "
             "total orders, "
             "14 day total orders", file="amazon|sponsored", days=14),
    Platform("Display & Video 360", "DV360", "advertiser, line item, revenue, media cost, insertion order id, total conversions",
             "insertion order, revenue adv currency, media cost advertiser currency", r"display & video 360|dv360", "dv360|dv-360",
             {"spend": "revenue (adv currency), revenue (advertiser currency), revenue, total media cost, media cost (advertiser "
                       "currency), media cost",
              "value": "cm360 purchase revenue, total purchase revenue"}, 30),
    Platform("Campaign Manager 360", "CM360", "placement, site, advertiser, media cost, total conversions, total revenue, creative, "
                                              "placement id, site id",
             "site cm360, site dcm, placement cost structure, view through conversions, click through conversions",
             r"report fields|campaign manager 360", "cm360|dcm", {"ad_group": "placement"}, 30),
    Platform("Google Analytics 4", None, "key events, engaged sessions, sessions, total users, session campaign, total revenue, ads cost, "
                                         "new users",
             "session source / medium, session default channel group, engaged sessions, session campaign",
             r"^# |google analytics", "ga4|analytics", {"date": "date", "channel": "session default channel group, default channel group"}),
    Platform("e-mail", "E-mail", "unique opens, total opens, open rate, unique clicks, unsubscribes, subject, list, send date, send time, "
                                 "bounces, title",
             "successful deliveries, spam complaints, abuse complaints, total recipients, unique placed order",
             file="klaviyo|mailchimp|e-?mail|newsletter",
             names={"campaign": "campaign name, title"}),
    Platform("Shopify orders", None, "financial status, fulfillment status, subtotal, lineitem price, lineitem quantity, lineitem name, "
                                     "name, paid at",
             "lineitem quantity, lineitem price, financial status", kind="orders"),
    Platform("product feed", None, "availability, image link, condition, price, product type, brand, id, title, vendor, handle, mpn, sku, "
                                   "cost",
             "google product category, gtin, variant sku, image link, cost per item, variant price", kind="products"),
)
GOOGLE_TYPES = {"search": "Google Search", "shopping": "Google Shopping", "performance max": "Google Performance Max",
                "display": "Google Display",
                "video": "YouTube", "demand gen": "Google Demand Gen", "discovery": "Google Demand Gen", "app": "Google App",
                "smart": "Google Ads", "such": "Google Search", "recherche": "Google Search", "réseau de recherche": "Google Search",
                "búsqueda": "Google Search", "red de búsqueda": "Google Search", "réseau display": "Google Display",
                "red de display": "Google Display", "máximo rendimiento": "Google Performance Max", "vidéo": "YouTube", "vídeo": "YouTube"}
META_PLATFORMS = {"instagram": "Instagram", "facebook": "Facebook", "audience network": "Meta Audience Network", "audience_network":
                  "Meta Audience Network", "messenger": "Messenger", "threads": "Threads", "whatsapp": "WhatsApp"}


def _signs(words: str) -> frozenset[str]:
    return frozenset(squeezed(word) for word in words.split(", ") if word)


_SIGNS = [(platform, _signs(platform.signs), _signs(platform.sure)) for platform in PLATFORMS]


def platform_of(names: Iterable[str], preamble: Iterable[str], file: str) -> Platform | None:
    """The platform that wrote a table with these column names (squeezed), or None. `file` only decides between candidates."""
    there, above = set(names), "\n".join(preamble)

    def weight(row: tuple[Platform, frozenset[str], frozenset[str]]) -> float:
        platform, signs, sure = row
        found = len(there & signs) + 2 * len(there & sure)
        found += 3 * bool(above and re.search(platform.preamble, above, re.IGNORECASE | re.MULTILINE))
        return found + 1.5 * bool(found and re.search(platform.file, file, re.IGNORECASE))

    best = max(_SIGNS, key=weight)
    enough = weight(best) >= 3 and (there & best[2] or weight(best) >= 3.5)
    return best[0] if enough else None


def channel_of(platform: Platform, cells: Mapping[str, str | None]) -> str | None:
    """The channel of a row by its cells `campaign type`, `platform` and `source`, else the platform's."""
    kind, place = (cells.get("campaign type") or "").casefold(), (cells.get("platform") or "").casefold()
    if platform.name == "Google Ads":
        return next((name for word, name in GOOGLE_TYPES.items() if kind.startswith(word)), platform.channel)
    if platform.name == "Meta Ads Manager":
        return META_PLATFORMS.get(place, platform.channel)
    if platform.name == "e-mail" and kind == "sms":
        return "SMS"
    return platform.channel
