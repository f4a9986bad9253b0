"""The words of campaign files: the names of fields on the platforms and in the languages of agencies, and columns that no model may read.

Names are compared without case, spaces and punctuation. Of several columns of one field the first of its names wins; the others are other
readings of the same thing and are left out.
"""

from __future__ import annotations

import re

from ..columns import squeezed

FIELDS = ("date", "account", "channel", "campaign", "ad_group", "ad", "audience", "currency", "spend", "impressions", "clicks",
          "conversions", "value")
WORDS = ("account", "channel", "campaign", "ad_group", "ad", "audience", "currency")
COUNTS = ("impressions", "clicks", "conversions")
NUMBERS = ("spend", *COUNTS, "value")
EXPOSURES, OUTCOMES = ("impressions", "clicks", "spend"), ("clicks", "conversions", "value")

NAMES = {
    "date": "day, date, by day, time period, gregorian date, date day, ds, time, date (utc), jour, fecha, día, tag, datum, dag, giorno, "
            "data, "
            "päivä, dzień, send date, send time, start date, start time, startdate, month, week, week start, monat, mois, mes, woche, "
            "semaine, semana, period",
    "start": "reporting starts, report start, début des rapports, inicio del informe, berichtsbeginn, date start, week starting",
    "end": "reporting ends, report end, fin des rapports, fin del informe, berichtsende, end date, date stop, end time, week ending",
    "account": "account name, account, advertiser, advertiser name, brand, client, organisation id, organization id, organisation, "
               "mmm timeseries id, nom du compte, nombre de la cuenta, kontoname, account id, advertiser id, store, shop, profile",
    "channel": "channel, marketing channel, media channel, channel name, session default channel group, default channel group, campaign "
               "channel, "
               "medium",
    "campaign": "campaign name, campaign, nom de la campagne, campagne, nombre de la campaña, campaña, kampagnenname, kampagne, nome "
                "campagna, "
                "nome da campanha, campagnenaam, nazwa kampanii, name der kampagne, "
                "session campaign, utm campaign, insertion order, insertion order name",
    "ad_group": "ad group, ad group name, ad set name, ad set, adset name, adset, ad squad name, ad squad, nom de l’ensemble de "
                "publicités, "
                "nombre del conjunto de anuncios, anzeigengruppe, anzeigengruppenname, groupe d’annonces, grupo de anuncios, line item, "
                "line item name, placement name, campaign group name, name der anzeigengruppe, nom du groupe d’annonces, "
                "nombre del grupo de anuncios",
    "ad": "ad name, ad, creative, creative name, promoted pin name, pin name, nom de la publicité, nombre del anuncio, anzeigenname, "
          "anzeige, "
          "ad title, subject, name der anzeige, nom de l’annonce, annonce, anuncio, nome dell’annuncio",
    "currency": "currency, currency code, account currency, devise, moneda, divisa, währung, valuta, adv currency, advertiser currency, "
                "währungscode, code de devise, code devise, código de moneda, codigo de moneda, código de divisa, codice valuta",
    "spend": "amount spent, total spent, spend, total spend, spend in account currency, cost, total cost, costs, kosten, cost micros, "
             "metrics cost micros, spend micros, montant dépensé, montant depense, importe gastado, gasto, ausgegebener betrag, importo "
             "speso, "
             "valor usado, bestedbedrag, coût, coste, costo, ad spend, ads cost, advertiser ad cost, google ads cost, media cost, "
             "total media cost, advertiser cost, spent",
    "impressions": "impressions, impr, impression, paid impressions, imps, impressionen, impresiones, impressioni, impressões, "
                   "vertoningen, "
                   "views served, displays, successful deliveries, delivered, ads impressions, advertiser ad impressions, wyświetlenia",
    "clicks": "link clicks, clicks (destination), clicks, pin clicks, swipe ups, swipes, clics en el enlace, clics sur un lien, "
              "linkklicks, "
              "link klicks, unique clicks, klicks, clics, clic, cliques no link, cliques, clicks to landing page, outbound clicks, "
              "total clicks, clicks all, sessions, ads clicks, advertiser ad clicks, kliknięcia",
    "conversions": "purchases, website purchases, conversions, conv, total conversions, key events, results, orders, achats, compras, "
                   "käufe, "
                   "acquisti, purchase, total conversions (checkout), unique placed order, total orders, 7 day total orders, "
                   "14 day total orders, transactions, ecommerce purchases, konversionen, conversiones, all purchases, first purchases, "
                   "sales count, complete payment, total complete payment, result, website leads, leads, registrations, sign ups, "
                   "app installs, installs, ergebnisse, résultats, resultados, risultati, ergebnis, résultat, resultado",
    "value": "purchases conversion value, website purchases conversion value, total conversion value, conv value, conversion value, "
             "total order value (checkout), revenue, total revenue, sales, 7 day total sales, 14 day total sales, purchase revenue, "
             "valeur de conversion des achats, valor de conversión de compras, conversion-wert, umsatz, purchases value, total sales, "
             "total gross sales, order value, conversions value, all conv value, conv.-wert, conversion-wert für käufe, kaufwert, "
             "wert für käufe, kauf-conversion-wert, valeur de conv, valeur de conversion, valeur de conversion d’achat, valor de conv, "
             "valor de conversión, valor de conversion, valor de las compras, wert aller conv, "
             "valeur de toutes les conv, valor de todas las conv, value, wert, valeur, valor",
    "campaign_id": "campaign id, insertion order id, campaign group id", "ad_group_id": "ad set id, ad group id, ad squad id, line item id",
    "ad_id": "ad id, creative id, pin id, unique id",
    "result_type": "result indicator, result type, conversion action, optimization event, ergebnisindikator, ergebnistyp, indicateur de "
                   "résultats, indicador de resultados, indicador de resultado",
    "time_zone": "account timezone, account time zone, time zone, timezone", "attribution": "attribution setting, attribution window",
    "age": "age, age range, alter, âge, edad, age group", "gender": "gender, sex, geschlecht, sexe, género",
    "segment": "audience, audience name, audience segment, segment, targeting, interest, demographic, list, user type",
}
# Other columns whose meaning is known: the input's name, and the column's. Those of DIMENSIONS tell one cell of a day from another.
INPUTS = {
    "sku": "sku, item id, product id, advertised sku, lineitem sku, variant sku, product item id, merchant item id, advertised asin, "
           "offer id",
    "product": "product, product title, item title, product name, lineitem name, product type, product group, item name",
    "placement": "placement, ad placement, platzierung, site (cm360), site, app/url", "platform": "platform, publisher platform, "
                                                                                                  "plateforme, plattform, plataforma",
    "device": "device, impression device, device type, device platform, device category, gerät, appareil, dispositivo",
    "country": "country, country/territory, country code, pays, país, land, territory name, country or region", "region": "region, geo, "
                                                                                                                          "state, dma, "
    "dma region, city, metro area", "keyword": "keyword, search keyword, keyword text", "match type": "match type, keyword match type",
    "search term": "search term, customer search term, search query, query", "network": "network, ad network type, network (with search "
                                                                                        "partners)",
    "hour": "hour, hour of day, time of day (ad account time zone), time of day",
    "campaign type": "campaign type, kampagnentyp, type de campagne, tipo de campaña, campaign subtype, "
                                                                                                   "objective, "
    "campaign objective, advertising channel type", "source": "session source, source, utm source, session source / medium, source / "
                                                              "medium",
    "price": "price, item price, product price", "creative type": "creative type, ad format, ad type, format",
}
DIMENSIONS = ("sku", "product", "placement", "platform", "device", "country", "region", "keyword", "match type", "search term", "network",
              "hour", "source", "creative type")

_SUM = r"(?:grand |sub ?)?(?:totals?|summe|gesamt(?:ergebnis)?|totale|suma|insgesamt)"
_PARTS = (r"(?:rows?|campaigns?|accounts?|ad ?groups?|ad ?sets?|ads?|keywords?|results?|konten|konto|"
          r"kampagnen?|anzeigen(?:gruppen?)?|campagnes?|comptes?|annonces?|campañas?|cuentas?|anuncios?)")
# the word alone, before a colon, before a number (`Total - 12 campaigns`, `Summe (3)`), or before what a report sums up (`Total campaigns`)
_TOTAL = re.compile(rf"{_SUM}(?:\s*:.*|[\s–(-]*\d[\d,. ]*(?:\s*{_PARTS})?\)?|\s*[–-]?\s*(?:(?:of|for|all|der|de|du)\s+)*{_PARTS}|"
                    rf"\s+(?:of|for)\s+(?:all\s+)?{_PARTS}\b.*|[\s–-]*)|"
                    rf"results? from \d+ .*|total géné?ral.*", re.IGNORECASE)
_PERHAPS = re.compile(rf"{_SUM}\b.*", re.IGNORECASE)


def is_total(text: str) -> bool:
    """Whether a cell says that its row sums up others (`Total: Campaigns`, `Grand Total:`, `Results from 12 campaigns`)."""
    return _TOTAL.fullmatch(text.strip()) is not None


def may_be_total(text: str) -> bool:
    """Whether a cell begins as that of a total does; `Total Body Workout` is a name all the same where its row has a day and names."""
    return is_total(text) or _PERHAPS.fullmatch(text.strip()) is not None


_RATES = ("ctr|cvr|cpc|cpm|cpa|cpv|cpl|cpi|cpp|cpo|ecpm|ecpc|ecpa|vctr|roas|acos|tacos|roi|aov|cpcv|ecpsu|epc|rpc|rpm|vtr")
_RATED = ("open|click|result|view|engagement|interaction|bounce|order|swipe "
          "up|complaints?|unsubscribe|conv(?:ersion)?s?|event|installs?|purchase")
_WHAT = "click|conversion|purchase|order|result|impression|session|user|mille|thousand|1000|1,000"
DERIVED = re.compile("|".join((
    rf"\b(?:{_RATES})\b", r"\bcost[eos]?s? (?:per|pro|por|par)\b|\bcoût par\b|\bkosten pro\b|cost ?/|/ ?cost|\bavg cost\b|\baverage cost\b",
    rf"/ ?(?:all )?conv|value ?/|\bper (?:{_WHAT})\b|\brevenue per\b", rf"\b(?:{_RATED}) rate\b", r"click.?thr(?:ough|u)\b",
    r"\b(?:average|avg) (?:order value|cpc|cpm|cpv|engagement time)\b|\breturn on (?:ad|advertising) ?spend\b",
    r"gross.?discount|\bdiscount amount\b|"
    r"\btotal discounts?\b", r"\b(?:quality|conversion rate|engagement rate) ranking\b",
    r"^(?:call )?duration$|^significance$|^first.?place$|^winner$",
    r"100% video view|\bspend share\b",
    # the same in German, French and Spanish
    r"\b(?:conv(?:ersions?)?|klick|interaktions|ergebnis|öffnungs)[ -]*rate\b",
    r"\btaux (?:de |d.)?(?:conv|clics?|résultat|interaction|ouverture)",
    r"\b(?:tasa|porcentaje) (?:de )?(?:conv|clics?|resultado|interacci|apertura)",
    r"/ ?(?:kosten|co[uû]t|cost[eo])\b|\b(?:wert|valeur[^/]*|valor[^/]*) ?/",
    r"\b(?:durchschn(?:ittliche)?|mittlere)\b.*\bkosten\b|\bcoûts? moy|\bcost[eo] (?:prom|medio)")))
# Reactions to an ad, whatever stands before them; and outcomes that are other readings of a sale only with these words before them.
_REACTIONS = ("clicks|clics|conversions|conv|purchases|engagements?|reactions|likes|shares|comments|saves|follows|followers|opens|"
              "installs?|leads?|"
              "registrations?|checkouts?(?: initiated)?|plays|thruplays?|adds? to cart|interactions|swipe.?ups|social actions|key "
              "events|unsubscribes|"
              "bounces|complaints|sign.?ups?|results?|complete payment")
_BEFORE = ("all|total|unique|website|other|new|first|app|in.?app|mobile app|net|gross|engaged|returned|landing page|page|video|\\d+[- "
           "]day|\\d-second|"
           "view.?through|post.?click|post.?view|click.?through|cross.?device|advertised sku|other sku|paid|viewable|active view")
_SALES = (r"orders?|revenue|sales|units(?: sold)?|transactions|views|sessions|users|forwards|event count|purchase "
          r"items|impressions|original price|refunds?|"
          r"returns?|(?:purchases? |conversions? |conv |order |sales )?value")
OTHER_OUTCOME = re.compile(
    fr"(?:(?:\S+ ){{0,4}}(?:{_REACTIONS})|(?:(?:{_BEFORE}) )*(?:{_SALES})|video (?:views?|plays?|played)(?: at| to) \d+%?|average play "
    r"time.*)"
    r"(?: \((?:all|by time|adv currency|destination|\d+ ?d.*|#|current model|platform comparable)\))?$")
_THING = (r"(?:campaign|ad ?group|ad ?set|ad ?squad|ad|asset|keyword|line item|insertion order|account|effective|configured|serving|"
          r"delivery|primary|approval|policy|review|bid strategy)")
CURRENT = re.compile(r"\bbudget\b|\bbid(?: type| strategy.*| amount)?$|^max (?:cpc|cpm|bid)|^target (?:cpa|roas|cost)|"
                     r"^(?:campaign |ad set |ad )?delivery$|^quality score$|^optimi[sz]ation score$|"
                     rf"^(?:{_THING} )+(?:status|state)$|^(?:campaign |ad set )?(?:starts|ends)$|"
                     r"(?:budget|kampagnenstatus|anzeigengruppenstatus|anzeigenstatus|gebotsstrategie(?:typ)?)$|\bpresupuesto\b|"
                     r"^(?:état|statut|estado) (?:de|du|del)\b|^stratégie d.enchères|^estrategia de (?:puja|oferta)")
STATUS = "status"   # a platform's setting in tables of days; in one without days it may be that of a person
_PERSON = r"(?:(?:first |last |full )?name|company|e-?mail(?: address)?|phone(?: number)?)"
_ADDRESS = (r"(?:address(?: ?(?:line )?\d)?|street.*|house number|zip(?: ?code)?|post ?code|postal ?code|city|province(?: name| code)?|"
            r"state|country(?: code)?)")
PERSONAL = re.compile(r"\b(?:e-?mail address|email|phone|mobile number|first name|last name|full name|customer(?: (?:id|name|email))?|"
                      rf"(?:billing|shipping)(?: (?:{_PERSON}|{_ADDRESS}))?|(?:user|visitor|customer|device|cookie)id|"
                      r"user id|ip(?: address)?|device id|gclid|fbclid|cookie(?: id)?|date of birth|street|iban)$")
ID = re.compile(r"(?:.*\b)?ids?")
IGNORED = re.compile(r"|unnamed: \d+|row ?(?:number|id)?|index|no\.?|#|tags|unique id|folder id|.*\b(?:url|link) (?:tags?|parameters?)")


def _table(names: dict[str, str]) -> dict[str, tuple[str, int]]:
    """Squeezed name to (field, its place among the field's names); the first field that has a name keeps it."""
    found: dict[str, tuple[str, int]] = {}
    for field, words in names.items():
        for place, name in enumerate(words.split(", ")):
            found.setdefault(squeezed(name), (field, place))
    return found


FIELD_OF = _table(NAMES)
INPUT_OF = _table(INPUTS)
