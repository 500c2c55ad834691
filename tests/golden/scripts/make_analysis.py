#!/usr/bin/env python3
"""Figures of `btrm analyze` computed by another hand: scipy, statsmodels and numpy, from the rows, sharing no code with btrm.

Usage: make_analysis.py tests/golden/analysis        Needs: numpy, scipy, statsmodels.

Reads base/, smooth/ and warm/, runs of the quickstart model (forty and sixty steps) on the quickstart's evaluation pairs with post ids, domains,
subsets, score ratios, weights, margins and two repeated pairs planted by position. Writes coarse.jsonl, the rows of base with rewards rounded to
0.1 (ties), without every fifth row (another set), each a cluster of its own (no clustering); and expected.json, laid out as analyze's own JSON.
"""
import json, os, sys
import numpy as np
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

QUANTILES = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
RUNS = ["base", "smooth", "warm"]


def read(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


def number(x):
    return None if x is None or not np.isfinite(x) else float(x)


def gap(row):
    return np.float64(np.float32(row["chosen_reward"])) - np.float64(np.float32(row["rejected_reward"]))


def right(row):
    return float(gap(row) > 0)


def mean_by_cluster(values, clusters):
    """Mean and cluster-robust standard error: least squares on a constant."""
    ids = np.unique(clusters, return_inverse=True)[1]
    groups = ids.max() + 1
    if groups < 2:
        return float(np.mean(values)), None, None, None, None, 1
    fit = sm.OLS(np.asarray(values), np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": ids}, use_t=True)
    low, high = fit.conf_int(0.05)[0]
    return fit.params[0], fit.bse[0], low, high, fit.pvalues[0], int(groups)


def accuracy(rows):
    n = len(rows)
    values = [right(r) for r in rows]
    correct = int(sum(values))
    p, error, _, _, _, groups = mean_by_cluster(values, [r["cluster"] for r in rows])
    if groups == n or groups == 1 or correct in (0, n):
        effective = groups
    else:
        # Korn and Graubard: n over the design effect, adjusted for degrees of freedom.
        design = error**2 / (p * (1 - p) / (n - 1))
        effective = min(n, n / design * (stats.t.ppf(0.975, n - 1) / stats.t.ppf(0.975, groups - 1)) ** 2)
    low, high = proportion_confint(correct / n * effective, effective, 0.05, method="wilson")
    return {
        "pairs": n, "clusters": groups, "correct": correct, "ties": sum(gap(r) == 0 for r in rows), "accuracy": correct / n,
        "standard_error": number(error), "effective_pairs": effective, "accuracy_low": max(0, low), "accuracy_high": min(1, high),
    }


def spread(values):
    return {
        "mean": np.mean(values), "standard_deviation": number(np.std(values, ddof=1)) if len(values) > 1 else None, "min": min(values),
        "max": max(values), "quantiles": list(np.quantile(values, QUANTILES)),
    }


def length_bucket(row):
    d = row["chosen_tokens"] - row["rejected_tokens"]
    for i, (low, high, name) in enumerate([
            (-10**9, -101, "below -100"), (-100, -21, "-100..-21"), (-20, -1, "-20..-1"), (0, 0, "0"), (1, 20, "1..20"), (21, 100, "21..100"),
            (101, 10**9, "above 100")]):
        if low <= d <= high:
            return i, name


def ratio_bucket(row):
    if "score_ratio" not in row:
        return None
    edges, names = [1.5, 2, 4, 8], ["below 1.5", "1.5..2", "2..4", "4..8", "8 and more"]
    i = int(np.searchsorted(edges, row["score_ratio"], side="right"))
    return i, names[i]


def groups(rows):
    out = []
    for by, key in [("domain", lambda r: r.get("domain") and (0, r["domain"])), ("subset", lambda r: r.get("subset") and (0, r["subset"])),
                    ("score_ratio", ratio_bucket), ("length_gap", length_bucket)]:
        for bucket in sorted({key(r) for r in rows} - {None}):
            out.append({"by": by, "group": bucket[1], **accuracy([r for r in rows if key(r) == bucket])})
    return out


def figures(rows, step):
    gaps = np.array([gap(r) for r in rows])
    probability = 1 / (1 + np.exp(-gaps))
    confidence = np.maximum(probability, 1 - probability)
    hit = np.where(gaps > 0, 1, np.where(gaps == 0, 0.5, 0))
    edges = np.linspace(0.5, 1, 11)
    bins = np.clip(np.digitize(confidence, edges) - 1, 0, 9)
    curve = [{
        "low": edges[b], "high": edges[b + 1], "pairs": int((bins == b).sum()),
        "confidence": number(confidence[bins == b].mean()) if (bins == b).any() else None,
        "accuracy": number(hit[bins == b].mean()) if (bins == b).any() else None} for b in range(10)]
    loss = np.mean([r["weight"] * np.logaddexp(0, -(g - r["margin"])) for r, g in zip(rows, gaps)])
    lengths = [r["chosen_tokens"] - r["rejected_tokens"] for r in rows]
    return {
        "source": "rows", "at_step": step, **accuracy(rows), "loss": loss, "margin": spread(gaps),
        "rewards": spread([np.float64(np.float32(r[side])) for r in rows for side in ("chosen_reward", "rejected_reward")]),
        "ece": sum(b["pairs"] / len(rows) * abs(b["confidence"] - b["accuracy"]) for b in curve if b["pairs"]),
        "brier": np.mean((1 - probability) ** 2), "length_correlation": stats.pearsonr(gaps, lengths).statistic, "reliability": curve,
        "groups": groups(rows),
    }


def join(first, second):
    """Shared pairs, k-th occurrence with k-th occurrence."""
    def keyed(rows):
        seen, out = {}, {}
        for r in sorted(rows, key=lambda r: r["row"]):
            k = seen[r["pair"]] = seen.get(r["pair"], -1) + 1
            out[r["pair"], k] = r
        return out
    a, b = keyed(first), keyed(second)
    keys = sorted(set(a) & set(b))
    return [a[k] for k in keys], [b[k] for k in keys]


def paired(first, second):
    a, b = join(first, second)
    hits = [(right(x), right(y)) for x, y in zip(a, b)]
    difference, error, low, high, p, clusters = mean_by_cluster([x - y for x, y in hits], [r["cluster"] for r in b])
    table = [[sum(h == (x, y) for h in hits) for y in (1.0, 0.0)] for x in (1.0, 0.0)]
    return {
        "rows": len(a), "clusters": clusters, "both": table[0][0], "only_first": table[0][1], "only_second": table[1][0], "difference": difference,
        "standard_error": error, "low": low, "high": high, "clustered_p": p, "mcnemar_p": mcnemar(table, exact=True).pvalue,
    }


def drop(folder, best_step, best, final):
    points = [m for m in read(f"{folder}/metrics.jsonl") if "eval_loss" in m]
    peak, last = max(points, key=lambda m: m["eval_accuracy"]), points[-1]
    return {
        "peak_accuracy": peak["eval_accuracy"], "peak_step": peak["step"], "final_accuracy": last["eval_accuracy"], "final_step": last["step"],
        "drop": peak["eval_accuracy"] - last["eval_accuracy"], "paired": paired(best, final) if best_step == peak["step"] != last["step"] else None,
    }


def main(folder):
    rows = read(f"{folder}/base/eval-rows/best.jsonl")
    with open(f"{folder}/coarse.jsonl", "w") as file:
        for i, r in enumerate(rows):
            if i % 5:
                r = {**r, "cluster": f"row{i}", "chosen_reward": round(r["chosen_reward"], 1), "rejected_reward": round(r["rejected_reward"], 1)}
                file.write(json.dumps(r, separators=(",", ":")) + "\n")
    runs, best_rows = [], {}
    for name in RUNS:
        best, final = (read(f"{folder}/{name}/eval-rows/{which}.jsonl") for which in ("best", "last"))
        result = json.load(open(f"{folder}/{name}/result.json"))
        runs.append({
            "name": name, "best": figures(best, result["best_step"]), "final": figures(final, result["step"]),
            "drop": drop(f"{folder}/{name}", result["best_step"], best, final)})
        best_rows[name] = best
    best_rows["coarse"] = coarse = read(f"{folder}/coarse.jsonl")
    runs.append({"name": "coarse", "best": figures(coarse, None), "final": figures(coarse, None), "drop": None})
    reference = max(runs, key=lambda r: (r["best"]["accuracy"], -r["best"]["loss"]))["name"]
    items = []
    for name in [r["name"] for r in runs if r["name"] != reference]:
        test = paired(best_rows[name], best_rows[reference])
        items.append({
            "run": name, "rows": len(best_rows[name]), "reference_rows": len(best_rows[reference]), "shared": test["rows"], "paired": test,
            "unpaired": None, "p": max(test["clustered_p"], test["mcnemar_p"])})
    for item, p in zip(items, multipletests([i["p"] for i in items], method="holm")[1]):
        item["holm_p"] = p
    with open(f"{folder}/expected.json", "w") as file:
        json.dump({"runs": runs, "comparisons": {"model": "best", "reference": reference, "items": items}}, file, indent=1, default=float)
        file.write("\n")


main(sys.argv[1])
