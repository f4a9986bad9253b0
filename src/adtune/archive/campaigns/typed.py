"""A table of strings becomes campaign rows, and rejections with the line and the reason; kept + rejected = read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ...units import currency_in
from ...workspace.campaign_view import families
from ...workspace.campaigns import HIGH, INPUT, LOW, NAMES, schema
from .cells import Cells, by_spelling, each, joined_words
from .currencies import VALUE_CURRENCY
from .header import AUDIENCE, Layout
from .platforms import channel_of
from .tables import Raw
from .twins import repeated
from .words import COUNTS, EXPOSURES, NUMBERS, may_be_total

LEVELS = ("campaign", "ad_group", "ad")
HASHED = 100_000
_RANGE = "the row covers {} days ({}), not one; export with a breakdown by day"
_PURCHASE = re.compile(r"purchase|sale|order|kauf|achat|compra", re.IGNORECASE)
_BLANK = ("", "-", "--")
_RESULTS = ("results", "ergebnisse", "résultats", "resultados", "risultati")
_SAME = ("a total of other rows, which would count them twice", "no campaign is named where other rows name one: a total of them")


@dataclass
class Made:
    """What a table gave: rows, and (line, reason) of those that could not be kept."""

    table: pa.Table
    rejected: list[tuple[int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Reasons:
    """Why rows are rejected; of several reasons the first that was found holds."""

    def __init__(self, lines: pa.ChunkedArray):
        self.reason = each(lines, None)

    def add(self, mask: pa.ChunkedArray | pa.Array, reason: str | pa.ChunkedArray) -> None:
        mask = pc.and_(pc.fill_null(mask, False), pc.is_null(self.reason))
        if pc.any(mask).as_py():
            self.reason = pc.if_else(mask, reason, self.reason)

    @property
    def kept(self) -> pa.ChunkedArray:
        return pc.is_null(self.reason)


def typed(raw: Raw, found: Layout, file: str, channel: str | None = None, whole_brand: bool = False, repeats: bool = False) -> Made:
    """The rows of a table; of a wide file those of one `channel`. `whole_brand` rows have outcomes and no exposure of their own; with
    `repeats` a row may stand twice."""
    cells, reasons = Cells(raw, found), Reasons(raw.lines)
    columns: dict[str, Any] = {name: _words(cells, name) for name in NAMES}
    _audience(cells, columns)
    _names_checked(cells, reasons)
    step = _when(cells, columns, reasons)
    bounds: dict[str, tuple[pa.Array, pa.Array]] = {}
    _numbers(cells, columns, bounds, reasons)
    inputs = _inputs(cells, bounds)
    columns["channel"] = each(raw.lines, channel) if channel else _channel(cells, columns, inputs)
    columns["currency"] = _currency(cells, columns)
    _checked(columns, bounds, reasons, whole_brand)
    _one_result_type(cells, columns, reasons)
    if whole_brand:
        _spent(columns, inputs)
    columns["time_zone"], columns["attribution"] = _zone(cells), _attribution(cells)
    ids = {at: cells.ids(at) for at in found.ids}
    columns["id"] = joined_words(list(ids.values()), "/") if ids else each(raw.lines, None)
    dimensions = [name for name, _, tells in found.inputs if tells and not pa.types.is_floating(inputs[name].type)]
    columns["grain"] = each(raw.lines, _grain(found, dimensions, step))
    _keys(cells, columns, [inputs[name] for name in dimensions], ids)
    if not repeats:
        cells.notes += _twins(raw, found, columns, reasons)
    table = _table(raw, columns, inputs, bounds, file)
    worth = found.unit("value")
    if worth and found.unit("spend") and worth != found.unit("spend"):
        table = table.append_column(VALUE_CURRENCY, each(raw.lines, worth))
    lost = table.select(["line"]).append_column("reason", reasons.reason).filter(pc.invert(reasons.kept))
    rejected = list(zip(lost["line"].to_pylist(), lost["reason"].to_pylist(), strict=True))
    if rejected:
        columns.clear()   # a million rows are not held twice
        inputs.clear()
        table = _filtered(table, reasons.kept)
    return Made(table, rejected, [f"{file}: {note}" for note in cells.notes])


def _filtered(table: pa.Table, kept: pa.ChunkedArray) -> pa.Table:
    """The kept rows, a column at a time."""
    kept = kept.combine_chunks()
    names, columns = table.column_names, table.columns
    del table
    return pa.table([columns.pop(0).filter(kept) for _ in names], names=names)


def _words(cells: Cells, name: str) -> pa.ChunkedArray:
    at = cells.found.fields.get(name)
    return each(cells.raw.lines, None) if at is None else cells.words(at)


def _audience(cells: Cells, columns: dict[str, Any]) -> None:
    """The audience of a row: its own column, or age, gender and segment in one."""
    parts = sorted(cells.found.audience, key=lambda one: AUDIENCE.index(one[0]))
    own = [columns["audience"]] if "audience" in cells.found.fields else []
    if parts:
        columns["audience"] = joined_words([*own, *(cells.words(at) for _, at in parts)], ", ")


def _when(cells: Cells, columns: dict[str, Any], reasons: Reasons) -> str:
    """Sets `date`; gives the time step of the rows. A row of one range of days, with no day of its own, is rejected."""
    fields, lines = cells.found.fields, cells.raw.lines
    at = cells.found.day
    if at is None:
        columns["date"] = pa.chunked_array([pa.nulls(len(lines), pa.date32())])
        cells.notes.append("the rows have no day: season and weekday cannot be learned from them, and they are validated by ad")
        return "undated"
    reasons.add(cells.totals([at], may_be_total), _SAME[0])
    start, length, wrong = cells.days(at)
    end = fields.get("end")
    if end is not None and "date" not in fields:
        last, _, also = cells.days(end)
        wrong = pc.coalesce(wrong, also)
        length = pc.add(pc.cast(pc.subtract(pc.cast(last, pa.int32()), pc.cast(start, pa.int32())), pa.int32()), 1)
    columns["date"], length = start, pc.fill_null(length, 1)
    empty = pc.and_(pc.is_null(start), pc.is_null(wrong))
    reasons.add(empty, "no day where other rows have one: a total of them" if pc.any(pc.is_valid(start)).as_py() else "no day")
    reasons.add(pc.is_valid(wrong), wrong)
    return _step(cells, start, length, reasons)


def _step(cells: Cells, start: pa.ChunkedArray, length: pa.ChunkedArray, reasons: Reasons) -> str:
    """day, week, month or `N days`."""
    spans = pa.table({"start": start, "length": length}).filter(reasons.kept).group_by(["start", "length"]).aggregate([]).to_pylist()
    days, lengths = sorted({one["start"] for one in spans}), [one["length"] for one in spans]
    if not days:
        return "day"
    longest = max(lengths)
    if longest > 1 and len(days) == 1:
        reasons.add(pc.greater(length, 1), _RANGE.format(longest, f"from {days[0].isoformat()}"))
        return "day"
    if longest == 1 and len(days) > 2:
        gaps = [(b - a).days for a, b in zip(days, days[1:], strict=False)]
        longest = 7 if all(gap % 7 == 0 for gap in gaps) else 31 if min(gaps) >= 28 and all(day.day == days[0].day for day in days) else 1
    most = max(set(lengths), key=lengths.count) if longest > 1 and max(lengths) > 1 else longest
    if len(set(lengths)) > 1 and 1 in lengths and most == 1:
        reasons.add(pc.greater(length, 1), "the row covers several days where the others cover one: it would count them twice")
    return {1: "day", 7: "week"}.get(most, "month" if 28 <= most <= 31 else f"{most} days")


def _names_checked(cells: Cells, reasons: Reasons) -> None:
    """Totals by their words, and rows that name nothing where others do."""
    found = cells.found
    named = [found.fields[name] for name in ("account", "channel", *LEVELS, "audience") if name in found.fields]
    named += [at for _, at in found.audience] + [at for _, at, tells in found.inputs if tells] + [at for _, at in found.settings] + [0]
    for at in sorted(set(named)):   # `Total Body Workout` is a total only where the row leaves its day or all other names open
        perhaps = cells.totals([at], may_be_total)
        if pc.any(perhaps).as_py():
            reasons.add(pc.or_(cells.totals([at]), pc.and_(perhaps, _open(cells, at))), _SAME[0])
    if "campaign" in found.fields or "ad" in found.fields:
        nameless = _blank(cells, named[:-1])
        if not pc.all(nameless).as_py():
            reasons.add(nameless, _SAME[1])


def _open(cells: Cells, but: int) -> pa.ChunkedArray:
    """Rows that say no day where the table has days, or no other name where other rows have them."""
    fields = cells.found.fields
    names = [fields[name] for name in (*LEVELS, "audience") if name in fields] + [at for _, at in cells.found.audience]
    names = [at for at in names if at != but and not pc.all(_blank(cells, [at])).as_py()]
    day = cells.found.day
    dayless = each(cells.raw.lines, False) if day is None else _blank(cells, [day])
    return pc.or_(dayless, _blank(cells, names)) if names else dayless


def _blank(cells: Cells, columns: list[int]) -> pa.ChunkedArray:
    """Rows in which all of these columns say nothing."""
    out = each(cells.raw.lines, True)
    for at in columns:
        text = pc.utf8_trim_whitespace(pc.fill_null(cells.raw.cells[at], ""))
        out = pc.and_(out, pc.is_in(text, value_set=pa.array(_BLANK)))
    return out


def _numbers(cells: Cells, columns: dict[str, Any], bounds: dict[str, tuple[pa.Array, pa.Array]], reasons: Reasons) -> None:
    """Sets spend to value; what is no number is a reason, a bound is kept beside."""
    fields = cells.found.fields
    for name in (*NUMBERS, "value_less", "value_each"):
        if name not in fields:
            columns[name] = pa.chunked_array([pa.nulls(len(cells.raw.lines), pa.float64())])
            continue
        read = cells.numbers(fields[name], name in COUNTS)
        scale = cells.found.scale(name)
        columns[name] = read.values if scale == 1 else pc.multiply(read.values, scale)
        title = cells.found.names[fields[name]].text
        wrong = pc.binary_join_element_wise(f"{title} '", pc.utf8_slice_codeunits(pc.fill_null(cells.raw.cells[fields[name]], ""), 0, 40),
                                            "' is not a number", "") if pc.any(read.wrong).as_py() else ""
        reasons.add(read.wrong, wrong)
        if read.low is not None:
            bounds[name] = (read.low, read.high)
    if "value_less" in fields:
        columns["value"] = pc.subtract(columns["value"], pc.fill_null(columns["value_less"], 0.0))
    if "value_each" in fields:
        columns["value"] = pc.multiply(columns["conversions"], columns["value_each"])


def _inputs(cells: Cells, bounds: dict[str, tuple[pa.Array, pa.Array]]) -> dict[str, pa.ChunkedArray]:
    """All other columns: numbers where all their cells are, else words."""
    out: dict[str, pa.ChunkedArray] = {}
    for name, at, tells in cells.found.inputs:
        if name in ("sku", "hour", "keyword", "search term", "product") or not cells.is_numeric(at):
            out[name] = cells.words(at)
            continue
        read = cells.numbers(at)
        out[name] = read.values if not tells else cells.words(at)
        if read.low is not None:
            bounds[INPUT + name] = (read.low, read.high)
    return out


def _channel(cells: Cells, columns: Mapping[str, Any], inputs: Mapping[str, pa.ChunkedArray]) -> pa.ChunkedArray:
    """A row's own channel, else what its platform says of it, else the source that brought it."""
    platform = cells.found.platform
    if pc.any(pc.is_valid(columns["channel"])).as_py() and not (platform and platform.name == "e-mail"):
        return columns["channel"]
    if platform and platform.channel:
        which = next((name for name in ("campaign type", "platform") if name in inputs), None)
        usual = channel_of(platform, {})
        if which is None:
            return each(cells.raw.lines, usual)
        told = by_spelling(pc.cast(inputs[which], pa.string()), lambda word: channel_of(platform, {which: word}))
        return pc.coalesce(told, pa.scalar(usual))
    return inputs.get("source", columns["channel"])


def _currency(cells: Cells, columns: Mapping[str, Any]) -> pa.ChunkedArray:
    """A row's own currency, else the one in a header, a cell or the preamble."""
    found = cells.found
    own = by_spelling(columns["currency"], lambda word: currency_in(word.upper()) or word.upper())
    said = found.unit("spend") or found.unit("value")
    for name in ("spend", "value"):
        if said is None and name in found.fields:
            signed = cells.raw.cells[found.fields[name]]
            some = signed.filter(pc.fill_null(pc.match_substring_regex(signed, r"[^\d.,\s%()-]"), False)).slice(0, 100).to_pylist()
            said = next((code for word in some if (code := currency_in(word))), None)
    said = said or next((code for line in cells.raw.preamble if "curren" in line.lower() and (code := currency_in(line))), None)
    return own if said is None else pc.coalesce(own, pa.scalar(said))


def _checked(columns: Mapping[str, Any], bounds: Mapping[str, Any], reasons: Reasons, whole_brand: bool) -> None:
    """Numbers that cannot be: negative ones, more clicks than impressions, nothing at all."""
    for name in NUMBERS:
        negative = pc.less(columns[name], 0)
        if pc.any(negative).as_py():
            told = pc.binary_join_element_wise(f"negative {name} (", pc.cast(columns[name], pa.string()), "): a credit or a correction, "
                                                                                                          "not a delivery", "")
            reasons.add(negative, told)
    more = pc.greater(columns["clicks"], columns["impressions"])
    if pc.any(more).as_py():
        told = pc.binary_join_element_wise("more clicks (", pc.cast(columns["clicks"], pa.string()), ") than impressions (",
                                           pc.cast(columns["impressions"], pa.string()), ")", "")
        reasons.add(more, told)
    wanted = ("conversions", "value") if whole_brand else EXPOSURES
    empty = None
    for name in wanted:
        if name not in bounds:
            empty = pc.is_null(columns[name]) if empty is None else pc.and_(empty, pc.is_null(columns[name]))
        else:
            nothing = pc.and_(pc.is_null(columns[name]), pc.is_null(bounds[name][0]))
            empty = nothing if empty is None else pc.and_(empty, nothing)
    reasons.add(empty, "no conversions and no value" if whole_brand else "no impressions, clicks or spend")


def _one_result_type(cells: Cells, columns: Mapping[str, Any], reasons: Reasons) -> None:
    """`Results` of different kinds cannot be added: purchases are kept where there are some, else the most frequent kind."""
    fields = cells.found.fields
    if "result_type" not in fields or "conversions" not in fields or cells.found.names[fields["conversions"]].base_key not in _RESULTS:
        return
    kinds = cells.words(fields["result_type"])
    counted = [one.as_py() for one in pc.value_counts(kinds.filter(reasons.kept).drop_null())]
    if len(counted) < 2:
        return
    kept = max(counted, key=lambda one: (bool(_PURCHASE.search(one["values"])), one["counts"]))["values"]
    told = pc.binary_join_element_wise("results of the kind '", kinds, f"' among those of '{kept}': they cannot be added; export one "
                                                                       f"kind", "")
    reasons.add(pc.and_(pc.not_equal(kinds, kept), pc.is_valid(columns["conversions"])), told)


def _spent(columns: dict[str, Any], inputs: dict[str, pa.ChunkedArray]) -> None:
    """Of the brand's rows: what all channels spent together, as inputs."""
    for what in ("spend", "impressions", "clicks"):
        parts = [column for name, column in inputs.items() if name.endswith(f" {what}") and pa.types.is_floating(column.type)]
        if parts:
            total = pc.fill_null(parts[0], 0.0)
            for one in parts[1:]:
                total = pc.add(total, pc.fill_null(one, 0.0))
            inputs[f"total {what}"] = total


def _zone(cells: Cells) -> pa.ChunkedArray:
    found = cells.found
    if "time_zone" in found.fields:
        return cells.words(found.fields["time_zone"])
    at = found.day
    above = "\n".join(cells.raw.preamble)
    named = re.search(r"time ?zone:?[ ,\"]+([^\n\",]+)", above, re.IGNORECASE)
    utc = re.search(r"\bin UTC\b", f"{above} {'' if at is None else found.names[at].text}")
    return each(cells.raw.lines, "UTC" if utc else named[1].strip() if named else None)


def _attribution(cells: Cells) -> pa.ChunkedArray:
    found = cells.found
    if "attribution" in found.fields:
        return cells.words(found.fields["attribution"])
    titles = [found.names[found.fields[name]].text for name in ("conversions", "value") if name in found.fields]
    window = next((match for title in titles if (match := re.search(r"(\d+)[ -]?(?:day|d)\b", title, re.IGNORECASE))), None)
    return each(cells.raw.lines, f"{window[1]}-day" if window else None)


def _grain(found: Layout, dimensions: list[str], step: str) -> str:
    """Which columns name a cell, and its time step: `campaign+ad+input:device/day`."""
    names = [name for name in LEVELS if name in found.fields]
    names += ["audience"] if found.audience or "audience" in found.fields else []
    return "+".join([*names, *(INPUT + name for name in sorted(dimensions))] or ["account"]) + "/" + step


def _keys(cells: Cells, columns: dict[str, Any], dimensions: list[pa.ChunkedArray], told: Mapping[int, pa.ChunkedArray]) -> None:
    """`key` by names and `id_key` by the platform's ids, with names only where it gives none."""
    found, day = cells.found, pc.cast(columns["date"], pa.string())
    step = columns["grain"][0].as_py().rpartition("/")[2] if len(cells.raw.lines) else "day"
    channel = families(columns["channel"])   # with a breakdown by platform or campaign type and without one
    always = [each(cells.raw.lines, step), day, columns["account"], channel]
    named = any(pc.any(pc.is_valid(columns[name])).as_py() for name in ("date", *LEVELS, "audience", "account"))
    rest = [] if named else cells.raw.cells   # rows of events, which only their content tells apart
    columns["key"] = _hashed([*always, *(columns[name] for name in LEVELS), columns["audience"], *dimensions, *rest])
    if not found.ids:
        columns["id_key"] = pa.chunked_array([pa.nulls(len(day), pa.binary(16))])
        return
    ids = {name: told[at] for name, at in zip(_levels_of(found), found.ids, strict=True)}
    named = pc.is_valid(ids[next(iter(ids))])
    hashed = _hashed([*always[:2], channel, *(ids.get(name, columns[name]) for name in LEVELS), columns["audience"],
                      *dimensions])
    columns["id_key"] = pc.if_else(named, hashed, pa.scalar(None, pa.binary(16)))


def _levels_of(found: Layout) -> list[str]:
    """The level of each column of ids."""
    from .words import FIELD_OF

    known = [FIELD_OF.get(found.names[at].key) or FIELD_OF[found.names[at].base_key] for at in found.ids]
    return [name.removesuffix("_id") for name, _ in known]


def _hashed(columns: list[pa.ChunkedArray]) -> pa.ChunkedArray:
    """16 bytes of blake2b over the row's words."""
    parts = [column.combine_chunks() for column in columns]
    text = pc.binary_join_element_wise(*parts, "\x1f", null_handling="replace", null_replacement="")
    chunks = []
    for at in range(0, len(text), HASHED):   # a batch of Python bytes at a time
        words = pc.cast(text.slice(at, HASHED), pa.binary()).to_pylist()
        chunks.append(pa.array([hashlib.blake2b(one, digest_size=16).digest() for one in words], pa.binary(16)))
    return pa.chunked_array(chunks, pa.binary(16))


def _twins(raw: Raw, found: Layout, columns: Mapping[str, Any], reasons: Reasons) -> list[str]:
    """Rejects rows that repeat another one cell for cell, where rows have days and names and something was delivered; what to tell."""
    if "campaign" not in found.fields or not {"date", "start"} & found.fields.keys():
        return []
    twin, first, alike = repeated(raw.cells, raw.lines, columns, reasons.kept)
    if twin is not None and pc.any(twin).as_py():
        reasons.add(twin, pc.binary_join_element_wise("the same row as line ", pc.cast(first, pa.string()), ", cell for cell", ""))
    return [f"{alike:,} rows are like others cell for cell and so small that they are single events: all of them count"] if alike else []


def _table(raw: Raw, columns: Mapping[str, Any], inputs: Mapping[str, Any], bounds: Mapping[str, Any], file: str) -> pa.Table:
    """The columns of the workspace's schema, inputs and bounds."""
    fixed = {"file": each(raw.lines, file), "line": raw.lines, "open": each(raw.lines, False)}
    base = schema()
    table = pa.table({name: {**columns, **fixed}[name] for name in base.names}, schema=base)
    for name, column in inputs.items():
        table = table.append_column(INPUT + name, column)
    for name, (low, high) in bounds.items():
        table = table.append_column(LOW + name, low).append_column(HIGH + name, high)
    return table
