"""The months in the languages of agencies' archives, cases and short forms included.

A name that is one month here and another there (listopad is November in Polish and Czech, October in Croatian) is left out.
"""

_NAMES = (
    "january jan januar januari janvier janv enero ene gennaio gen janeiro styczeń stycznia sty leden ledna január januára január "
    "января январь янв tammikuu tammikuuta ianuarie ocak gener siječnja",
    "february feb februar februari février févr fév febrero febbraio febr fevereiro fev luty lutego lut únor února február februára "
    "február февраля февраль фев helmikuu helmikuuta februarie şubat febrer veljače",
    "march mar märz mär maart mrt mars marzo março marzec marca březen března marec március марта март maaliskuu maaliskuuta martie "
    "mart març ožujka",
    "april apr avril avr abril abr aprile kwiecień kwietnia kwi duben dubna apríl apríla április апреля апрель апр huhtikuu huhtikuuta "
    "aprilie nisan travnja",
    "may mai mei maj mayo maggio mag maio maja květen května máj mája május мая май toukokuu toukokuuta mayıs maig svibnja",
    "june jun juni juin junio giugno giu junho czerwiec czerwca cze červen června jún júna június июня июнь июн kesäkuu kesäkuuta iunie "
    "haziran juny lipnja",
    "july jul juli juillet juil julio luglio lug julho lipiec lipca lip červenec července júl júla július июля июль июл heinäkuu "
    "heinäkuuta iulie temmuz juliol srpnja",
    "august aug augustus août agosto ago agto sierpień sierpnia sie srpen srpna augusta augusztus августа август авг augusti elokuu "
    "elokuuta ağustos agost kolovoza",
    "september sep sept septembre septiembre settembre set setembro wrzesień września wrz září septembra szeptember сентября сентябрь "
    "сен сент syyskuu syyskuuta septembrie eylül setembre rujna",
    "october oct oktober okt octobre octubre ottobre ott outubro out październik października paź říjen října október októbra október "
    "октября октябрь окт lokakuu lokakuuta octombrie ekim",
    "november nov novembre noviembre novembro novembra ноября ноябрь ноя marraskuu marraskuuta noiembrie kasım studenoga studenog",
    "december dec dezember dez décembre déc diciembre dic dicembre dezembro grudzień grudnia gru prosinec prosince decembra декабря "
    "декабрь дек joulukuu joulukuuta decembrie aralık desember des desembre prosinca",
)
MONTHS = {name: number for number, names in enumerate(_NAMES, start=1) for name in names.split()}
