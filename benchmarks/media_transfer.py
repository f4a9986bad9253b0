"""The response model on open data that nobody tuned on: transfer between advertisers, a small advertiser's days, calls whose level drifts.

    python benchmarks/media_transfer.py [--only ipinyou tiktok bank]

iPinYou: clicks on impressions (negatives thinned) of six advertisers, each left out in turn; 100 and 300 rows of its own beside all rows of
the five others, on which the base is first trained in one arm, as the baselines are; test on the half that is left; AUC and normalised
entropy beside logistic regression and LightGBM. TikTok: conversions for spend, last 30 % of the days, WAPE. Bank: calls in the order of
time, the last 30 % in blocks of 2,000 after the 12,000 before, without the call's duration. At each, how often 80 % intervals hold the
counts of a day (of an exchange and weekday where there are no days). Reads ../shared/data/media; what is absent is skipped, said so.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import warnings
from datetime import date
from pathlib import Path

import numpy as np
import torch
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from adtune.engine.response.base import ResponseBase, load_response
from adtune.engine.response.batch import Batch
from adtune.engine.response.columns import Columns, columns_of, hidden
from adtune.engine.response.encode import Codebook, encode, make_codebook
from adtune.engine.response.likelihood import as_rate, kind_of, share_held
from adtune.engine.tasks.response import predict_rows
from adtune.settings import TuneSettings
from adtune.tune.response import run_response
from adtune.tune.response_gate import LEVEL, choose_gate
from adtune.tune.response_split import Split

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "media"
RESULTS = Path(__file__).parent / "results"
SIZES = (100, 300)
OURS = "base trained on the others, in context"
HELD = "80 % intervals hold, of counts by exchange and weekday"
BESIDE = ("target", "rows", HELD)  # of a result, what is no arm


def table(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    return list(csv.DictReader(io.StringIO(text), delimiter=delimiter))


def rates(columns: Columns, outcome: str, exposure: str, context: np.ndarray, asked: np.ndarray,
          base: ResponseBase | None = None) -> np.ndarray:
    """The rates of `answers`."""
    return answers(columns, (outcome, exposure), context, asked, base)[0]


def answers(columns: Columns, counts: tuple[str, str], context: np.ndarray, asked: np.ndarray,
            base: ResponseBase | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Rates and concentrations of the rows `asked` by a base, the starter untuned if none is given, from the rows `context`; a base that is
    given lets them say how much their words tell, as tuning does. `counts` names outcome and exposure."""
    outcome, exposure = counts
    book, batch = encoded(columns, (outcome, exposure), context)
    if base:
        base.model.own_words = ()
        base.model.own_tau = base.model.find_words(batch, context)[0]
        base.model.own_words = base.model.find_single_words(batch, context)
    with torch.no_grad():
        eta, log_r, _ = predict_rows(base or load_response(), batch, context, asked)
    return as_rate(eta.double().numpy(), book.family), log_r.double().exp().numpy()


def encoded(columns: Columns, counts: tuple[str, str], known: np.ndarray) -> tuple[Codebook, Batch]:
    """The rows as they are read where the outcomes of `known` alone are told."""
    outcome, exposure = counts
    readable = np.zeros(len(columns), bool)
    readable[known] = True
    book = make_codebook(hidden(columns, outcome, ~readable), outcome, exposure)
    return book, encode(columns, book, readable)


def gated(columns: Columns, counts: tuple[str, str], known: np.ndarray, asked: tuple[np.ndarray, np.ndarray],
          found: tuple[np.ndarray, np.ndarray]) -> float:
    """`held` with what the gate says of the last fifth of the rows `known`; `asked` are rows and their groups."""
    book, batch = encoded(columns, counts, known)
    cut, (rows, groups) = int(0.8 * len(known)), asked
    gate = choose_gate(load_response(), batch, Split(known[:cut], known[cut:], known[:0]))
    outcome, exposure = (columns.counts[name][rows] for name in counts)
    return held((outcome, exposure), (found[0], found[1] * gate.sharpness), groups, (book.family, gate.drift))


def held(rows: tuple[np.ndarray, np.ndarray], found: tuple[np.ndarray, np.ndarray], groups: np.ndarray,
         read: tuple[int, float]) -> float:
    """The share of 80 % intervals of groups' counts that hold them; `rows` are outcomes and exposures, `found` rates and concentrations,
    `read` the family and the error that rows share."""
    index = np.unique(groups, return_inverse=True)[1]
    outcome, exposure = rows
    return share_held((outcome, exposure, found[0]), found[1], index, read[1], kind_of(read[0]))


def trained_on(columns: Columns, rows: np.ndarray) -> ResponseBase:
    """The starter with its heads trained on the rows of other advertisers, as the baselines are, and with the rules that it found there."""
    _, batch = encoded(columns, ("clicks", "impressions"), rows)
    rows, cut = np.random.default_rng(0).permutation(rows), int(0.8 * len(rows))
    base = load_response()
    run_response(base, (batch, Split(rows[:cut], rows[cut:], rows[:0]), []), TuneSettings(method="head"))
    return base


def entropy(y: np.ndarray, p: np.ndarray) -> float:
    """Log-loss over that of the test rows' own rate."""
    return float(log_loss(y, np.clip(p, 1e-6, 1 - 1e-6), labels=[0, 1]) / log_loss(y, np.full(len(y), y.mean()), labels=[0, 1]))


def ipinyou(targets: list[str] | None = None) -> dict[str, object] | None:
    """Each advertiser left out in turn, or only some."""
    folder = DATA / "ipinyou_ctr"
    if not folder.is_dir():
        return None
    rows = table(folder / "combined.csv.gz") if (folder / "combined.csv.gz").is_file() else []
    words = [" ".join(f"{name}={row.get(name)}" for name in ("weekday", "hour", "region", "city", "adexchange", "slotwidth", "slotheight",
                                                             "slotvisibility",
                                                             "slotformat", "useragent")) + " " +
             " ".join(f"tag{one}" for one in row["usertag"].split(",")) for row in rows]
    hashed = HashingVectorizer(n_features=2**14, norm=None, token_pattern=r"\S+", alternate_sign=False).transform(words)
    y, advertiser = np.array([int(row["click"]) for row in rows]), np.array([row["advertiser"] for row in rows])
    columns = columns_of({
        "channel": list(advertiser), "campaign": list(advertiser), "impressions": [1.0] * len(rows), "clicks": [float(one) for one in y],
        "placement": [f"{row['slotwidth']}x{row['slotheight']}" for row in rows], "device": [row["useragent"] for row in rows],
        "exchange": [row["adexchange"] for row in rows], "visibility": [row["slotvisibility"] + row["slotformat"] for row in rows],
        "region": [row["region"] for row in rows], "hour": [float(row["hour"]) for row in rows],
        "weekday": [f"day {row['weekday']}" for row in rows],
        "slot": [float(row["slotprice"] or 0) for row in rows],
        "tags": [" ".join(f"tag{one}" for one in row["usertag"].split(",")) for row in rows]}, [0] * len(rows))
    cells = np.array([f"{row['adexchange']} {row['weekday']}" for row in rows])
    found = []
    for target in sorted(set(advertiser)):
        own = np.random.default_rng(0).permutation(np.flatnonzero(advertiser == target))
        if (targets and target not in targets) or len(own) < 800 or y[own].sum() < 30:
            continue
        source, test = np.random.default_rng(1).permutation(np.flatnonzero(advertiser != target)), own[len(own) // 2:]
        trained = trained_on(columns, source)
        for size in SIZES:
            arms = baselines(hashed, y, (source, own[:size], test))
            arms["base in context"] = rates(columns, "clicks", "impressions", np.concatenate([source, own[:size]]), test)
            ours = answers(columns, ("clicks", "impressions"), np.concatenate([source, own[:size]]), test, trained)
            arms[OURS] = ours[0]
            arms["base trained on the others, own rows only"] = rates(columns, "clicks", "impressions", own[:size], test, trained)
            arms["base in context, own rows only"] = rates(columns, "clicks", "impressions", own[:size], test)
            found.append({"target": target, "rows": size, **{name: [float(roc_auc_score(y[test], p)), entropy(y[test], p)] for name,
                                                             p in arms.items()},
                          HELD: held((y[test].astype(float), np.ones(len(test))), ours, cells[test], (0, LEVEL))})
            print(json.dumps(found[-1]), flush=True)
    return {"advertisers": found}


def baselines(x: object, y: np.ndarray, parts: tuple[np.ndarray, np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
    """Those of section 6.3 of our notes: regressions and trees on the others, on the own rows, on both, and with the intercept refitted."""
    import lightgbm

    source, own, test = parts

    def regression(rows: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
        if len(set(y[rows])) < 2:
            return np.full(len(test), (y[rows].sum() + 0.5) / (len(rows) + 1))
        return LogisticRegression(C=0.1, max_iter=300).fit(x[rows], y[rows], weight).predict_proba(x[test])[:, 1]

    def trees(rows: np.ndarray, weight: np.ndarray | None = None) -> object:
        settings = {"objective": "binary", "verbose": -1, "num_leaves": 15, "learning_rate": 0.05, "num_threads": 1, "seed": 0,
                    "min_data_in_leaf": 20 if len(rows) > 1000 else 5, "deterministic": True}
        return lightgbm.train(settings, lightgbm.Dataset(x[rows].astype(np.float32), y[rows], weight=weight),
                              100 if len(rows) > 1000 else 30)

    both, weight = np.concatenate([source, own]), np.concatenate([np.ones(len(source)), np.full(len(own), 5.0)])
    far = trees(source)
    shift, logit = 0.0, far.predict(x[own].astype(np.float32), raw_score=True)
    for _ in range(20):  # the intercept alone, by Newton's steps with a little ridge
        p = 1 / (1 + np.exp(-logit - shift))
        shift += float(((y[own] - p).sum() - 0.5 * shift) / ((p * (1 - p)).sum() + 0.5))
    refit = 1 / (1 + np.exp(-far.predict(x[test].astype(np.float32), raw_score=True) - shift))
    return {"source LR": regression(source), "source LightGBM": far.predict(x[test].astype(np.float32)), "own LR": regression(own),
            "own LightGBM": trees(own).predict(x[test].astype(np.float32)),
            "source + own x5 LightGBM": trees(both,
                                              weight).predict(x[test].astype(np.float32)), "source LightGBM, intercept refitted": refit}


def tiktok() -> dict[str, object] | None:
    """Conversions for spend on the last 30 % of the days."""
    folder = DATA / "tiktok_daily"
    if not folder.is_dir():
        return None
    rows = [row for path in sorted(folder.glob("ads_*.csv")) for row in table(path) if row.get("Date", "").startswith("20")]
    rows.sort(key=lambda row: row["Date"])
    days = [date.fromisoformat(row["Date"][:10]).toordinal() for row in rows]
    columns = columns_of({"channel": ["TikTok"] * len(rows), "campaign": [row["Campaign name"] for row in rows],
                          "ad": [row["Ad Name"] for row in rows],
                          "spend": [float(row["Cost"]) for row in rows], "conversions": [float(row["Conversions"]) for row in rows]}, days)
    y, cost = columns.counts["conversions"], columns.counts["spend"]
    good = np.flatnonzero(cost > 0)
    distinct = np.unique(columns.day[good])
    cut = distinct[int(0.7 * len(distinct))]
    known, test = good[columns.day[good] < cut], good[columns.day[good] >= cut]
    counts = "conversions", "spend"
    whole = answers(columns, counts, known, test)
    due = {"conversions over cost": y[known].sum() / cost[known].sum() * cost[test], "base in context": whole[0] * cost[test]}
    blocks, found = [], []
    for day in np.unique(columns.day[test]):  # a day at a time, after all days before: as it is used
        now = good[columns.day[good] == day]
        found.append(answers(columns, counts, good[columns.day[good] < day], now))
        blocks.append(found[-1][0] * cost[now])
    due["base in context, day by day"] = np.concatenate(blocks)
    daily = tuple(np.concatenate(one) for one in zip(*found, strict=True))
    by_day = np.concatenate([good[columns.day[good] == day] for day in np.unique(columns.day[test])])
    return {"rows": len(good), "test": len(test), **{name: float(np.abs(y[test] - one).sum() / y[test].sum()) for name, one in due.items()},
            "80 % intervals hold, of days": gated(columns, counts, known, (test, columns.day[test]), whole),
            "80 % intervals hold, of days, day by day": gated(columns, counts, known, (by_day, columns.day[by_day]), daily)}


def bank() -> dict[str, object] | None:
    """Calls in the order of time."""
    found = [*(DATA / "bank_marketing").rglob("bank-additional-full.csv*")]
    if not found:
        return None
    rows = table(found[0], ";")
    y = np.array([float(row["y"] == "yes") for row in rows])
    names = ("job", "marital", "education", "default", "housing", "loan", "contact", "poutcome")
    numbers = ("age", "campaign", "pdays", "previous", "emp.var.rate", "cons.price.idx", "euribor3m")
    days = [date(2008, 5, 5).toordinal() + int(910 * n / len(rows)) for n in range(len(rows))]
    given = {"channel": [row["contact"] for row in rows], "clicks": [1.0] * len(rows), "conversions": list(y),
             **{name: [row[name] for row in rows] for name in names},
             **{f"n {name}": [float(row[name]) for row in rows] for name in numbers}}
    columns, cut = columns_of(given, days), int(0.7 * len(rows))
    found = []
    for start in range(cut, len(rows), 2000):
        asked = np.arange(start, min(start + 2000, len(rows)))
        found.append(answers(columns, ("conversions", "clicks"), np.arange(max(0, start - 12_000), start), asked))
    p, r = (np.concatenate(one) for one in zip(*found, strict=True))
    asked, before = np.arange(cut, len(rows)), np.arange(cut - 12_000, cut)
    late = np.array([y[max(0, n - 2000):n].mean() for n in range(cut, len(rows), 2000)])
    steady = np.repeat(late, 2000)[:len(rows) - cut]
    return {"rows": len(rows), "test": len(rows) - cut, "AUC": float(roc_auc_score(y[cut:], p)), "NE": entropy(y[cut:], p),
            "NE of the last 2,000 calls' rate": entropy(y[cut:], steady),
            "NE of the rate before": entropy(y[cut:], np.full(len(rows) - cut, y[:cut].mean())),
            "80 % intervals hold, of days": gated(columns, ("conversions", "clicks"), before, (asked, columns.day[asked]), (p, r))}


def told(name: str, found: dict[str, object]) -> list[str]:
    if name != "ipinyou":
        return [f"## {name}", "", "| | |", "|---|---|", *(f"| {key} | {value:.3f} |" if isinstance(value, float) else f"| {key} | {value} |"
                                                       for key, value in found.items()), ""]
    rows = found["advertisers"]
    targets = ", ".join(sorted({one["target"] for one in rows}))
    lines = [f"## {name}", "",
             f"Left out in turn: {targets}. A base trained on the others is told by the rows that it reads how much their words tell.", "",
             "| own rows | arm | AUC, mean | NE, mean | NE, worst |", "|---|---|---|---|---|"]
    for size in SIZES if rows else ():
        some = [one for one in rows if one["rows"] == size]
        for arm in [key for key in some[0] if key not in BESIDE]:
            auc, ne = np.array([one[arm] for one in some]).T
            lines.append(f"| {size} | {arm} | {auc.mean():.3f} | {ne.mean():.3f} | {ne.max():.3f} |")
    lines += ["", "| left out | own rows | AUC of the best baseline | of the best on own rows only | AUC | NE of the best baseline | NE |",
              "|---|---|---|---|---|---|---|"]
    hurt = []
    for one in rows:
        rivals = {arm: one[arm] for arm in one if arm not in BESIDE and not arm.startswith("base ")}
        auc, ne = one[OURS]
        alone = max(rival[0] for arm, rival in rivals.items() if arm.startswith("own "))
        hurt += [alone - auc] if alone > auc else []
        lines.append(f"| {one['target']} | {one['rows']} | {max(rival[0] for rival in rivals.values()):.3f} | {alone:.3f} | {auc:.3f} | "
                     f"{min(rival[1] for rival in rivals.values()):.3f} | {ne:.3f} |")
    worst = f", by {max(hurt):.3f} in AUC at most" if hurt else ""
    lines += ["", f"Ours is `{OURS}`: it lies below the best model of the own rows only in {len(hurt)} of {len(rows)} cases{worst}."]
    shares = [np.mean([one[HELD] for one in rows if one["rows"] == size and HELD in one]) for size in SIZES]
    with_rows = ", ".join(f"{share:.0%} with {size} own rows" for size, share in zip(SIZES, shares, strict=True))
    return [*lines, "", f"{HELD}: {with_rows}.", ""]


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--targets", nargs="+", help="advertisers of iPinYou to leave out in turn (all); rows of others stay as they are")
    reader.add_argument("--only", nargs="+", default=["tiktok", "bank", "ipinyou"], choices=["tiktok", "bank", "ipinyou"])
    said = reader.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    kept = RESULTS / "media_transfer.json"
    found = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    for name in said.only:
        one = {"tiktok": tiktok, "bank": bank, "ipinyou": lambda: ipinyou(said.targets)}[name]()
        if one is None:
            print(f"{name}: skipped, no data at {DATA}")
            continue
        if name == "ipinyou" and said.targets:      # beside those that were left out in earlier runs
            before = [row for row in found.get(name, {}).get("advertisers", []) if row["target"] not in said.targets]
            one["advertisers"] = sorted(before + one["advertisers"], key=lambda row: (row["target"], row["rows"]))
        found[name] = one
        print(name, json.dumps(one)[:300], flush=True)
        kept.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        lines = ["# The response starter on open data, untuned where nothing else is said: it reads the rows that it is given", ""]
        RESULTS.joinpath("media_transfer.md").write_text("\n".join(lines + [line for key, value in found.items() for line in told(key,
                                                                                                                                  value)]),
                                                         encoding="utf-8")


if __name__ == "__main__":
    main()
