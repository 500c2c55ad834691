#!/usr/bin/env python3
"""The data, tables and figure of docs/results/guide-claims.md. Standard library alone; run in the repository's root.
  report.py collect NAME SWEEP_FOLDER    finished runs of a sweep -> docs/results/guide-claims/NAME.jsonl (figures of each run, the reward gap of every evaluation pair)
  report.py page                         those files -> the tables between the page's markers, and accuracy.svg
"""
import json, math, pathlib, re, statistics, sys

here = pathlib.Path(__file__).parent
page = here.parent / "guide-claims.md"
MODELS = {"3m": "3 million", "smollm2": "SmolLM2-135M"}
T = {1: 12.706, 2: 4.303}   # 97.5% quantiles of Student's t


def collect(name, folder):
    notes = {run["name"]: run["note"] for run in json.load(open(here / f"sweep-{name}.json"))["runs"]}
    with open(here / f"{name}.jsonl", "w") as out:
        for run in sorted(p.parent for p in pathlib.Path(folder).glob("*/result.json")):
            if run.name not in notes: continue
            change, seed = re.fullmatch(r"(.+)-s(\d+)", run.name).groups()
            result = json.load(open(run / "result.json"))
            rows = [json.loads(line) for line in open(run / "eval-rows/last.jsonl")]
            rewards = [r[k] for r in rows for k in ("chosen_reward", "rejected_reward")]
            out.write(json.dumps({
                "change": change, "seed": int(seed), "note": notes[run.name], "steps": result["step"], "seconds": result["elapsed_seconds"], "trained": result["trainable_parameters"],
                "rms_reward": round(math.sqrt(statistics.fmean(r * r for r in rewards)), 4), "ece": round(result["eval_ece"], 4),
                "gaps": [round(r["chosen_reward"] - r["rejected_reward"], 4) for r in rows]}) + "\n")


def interval(values, quantile):
    half = quantile * statistics.stdev(values) / math.sqrt(len(values))
    return statistics.fmean(values) - half, statistics.fmean(values) + half


FIGURES = {  # of one run: a value for every evaluation pair
    "accuracy": lambda run: [100.0 * (g > 0) for g in run["gaps"]],
    "loss": lambda run: [math.log1p(math.exp(-g)) if g > -30 else -g for g in run["gaps"]],
    "gap": lambda run: [abs(g) for g in run["gaps"]],
}


def compare(runs, change, figure):
    """Difference to the baseline on the same pairs and the same seeds: mean, 95% interval over pairs (seeds averaged), 95% interval over seeds."""
    seeds = sorted(set(runs[change]) & set(runs["base"]))
    differences = [[a - b for a, b in zip(FIGURES[figure](runs[change][s]), FIGURES[figure](runs["base"][s]))] for s in seeds]
    pairs = [statistics.fmean(column) for column in zip(*differences)]
    over_seeds = interval([statistics.fmean(d) for d in differences], T[len(seeds) - 1]) if len(seeds) > 1 else (-math.inf, math.inf)
    return statistics.fmean(pairs), interval(pairs, 1.97), over_seeds, len(seeds)


def told(pairs, seeds):
    return "yes" if (pairs[0] > 0 and seeds[0] > 0) or (pairs[1] < 0 and seeds[1] < 0) else "no"


def load(name):
    runs = {}
    for line in open(here / f"{name}.jsonl"):
        run = json.loads(line)
        runs.setdefault(run["change"], {})[run["seed"]] = run
    return runs


def tables(name):
    runs = load(name)
    base = runs["base"]
    accuracy = {c: statistics.fmean(statistics.fmean(FIGURES["accuracy"](r)) for r in by.values()) for c, by in runs.items()}
    yield f"Baseline, {len(base)} seeds, {len(base[min(base)]['gaps'])} evaluation pairs: accuracy " + ", ".join(f"{statistics.fmean(FIGURES['accuracy'](r)):.1f}%" for _, r in sorted(base.items())) + "."
    yield ""
    yield "| Change | seeds | accuracy | points to the baseline, over pairs | over seeds | told | loss | told | mean absolute gap | told | rms reward |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    mean = lambda change, figure: statistics.fmean(statistics.fmean(FIGURES[figure](r)) for r in runs[change].values())
    rms = lambda change: statistics.fmean(r["rms_reward"] for r in runs[change].values())
    yield f"| base | {len(base)} | {accuracy['base']:.1f}% | | | | {mean('base', 'loss'):.4f} | | {mean('base', 'gap'):.3f} | | {rms('base'):.3f} |"
    sweep = [run["name"].rsplit("-s", 1)[0] for run in json.load(open(here / f"sweep-{name}.json"))["runs"]]
    for change in dict.fromkeys(c for c in sweep if c in runs and c != "base"):
        d, over_pairs, over_seeds, n = compare(runs, change, "accuracy")
        l, g = compare(runs, change, "loss"), compare(runs, change, "gap")
        span = lambda i: f"{i[0]:+.1f} to {i[1]:+.1f}" if math.isfinite(i[0]) else ""
        yield (f"| {change} | {n} | {accuracy[change]:.1f}% | {d:+.1f} ({span(over_pairs)}) | {span(over_seeds)} | {told(over_pairs, over_seeds)} | {mean(change, 'loss'):.4f} | {told(l[1], l[2])} "
               f"| {mean(change, 'gap'):.3f} | {told(g[1], g[2])} | {rms(change):.3f} |")


def figure(names):
    row, left, width = 18, 130, 380
    x = lambda v: left + width * (v + 25) / 50
    parts, y = [], 40
    for name in names:
        runs = load(name)
        parts.append(f'<text x="10" y="{y}" font-weight="bold">{MODELS[name]} parameters: accuracy minus the baseline\'s, points</text>' if name == "3m" else f'<text x="10" y="{y}" font-weight="bold">{MODELS[name]}: accuracy minus the baseline\'s, points</text>')
        top = y + 10
        for change in [c for c in runs if c != "base"]:
            y += row
            d, (low, high), seeds, n = compare(runs, change, "accuracy")
            clip = lambda v: x(max(-25, min(25, v)))
            parts.append(f'<text x="10" y="{y + 4}">{change}</text><line x1="{clip(low):.1f}" x2="{clip(high):.1f}" y1="{y}" y2="{y}" stroke="#36c" stroke-width="2"/><circle cx="{clip(d):.1f}" cy="{y}" r="3.5" fill="#36c"/>')
        y += 12
        for tick in (-20, -10, 0, 10, 20):
            parts.append(f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{top}" y2="{y}" stroke="{"#888" if tick == 0 else "#ddd"}" stroke-width="1"/><text x="{x(tick):.1f}" y="{y + 14}" text-anchor="middle" fill="#666">{tick:+d}</text>')
        y += 44
    ordered = [p for p in parts if p.startswith("<line") and 'stroke-width="1"' in p] + [p for p in parts if not (p.startswith("<line") and 'stroke-width="1"' in p)]
    (here / "accuracy.svg").write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="540" height="{y}" viewBox="0 0 540 {y}" font-family="sans-serif" font-size="12">\n<rect width="540" height="{y}" fill="white"/>\n'
        '<text x="10" y="18" fill="#666">Bars: 95% intervals over evaluation pairs, seeds averaged.</text>\n' + "\n".join(ordered) + "\n</svg>\n")


if sys.argv[1] == "collect":
    collect(*sys.argv[2:])
else:
    names = [n for n in MODELS if (here / f"{n}.jsonl").exists() and "base" in load(n)]
    text = page.read_text()
    for name in names:
        text = re.sub(rf"(<!-- {name} -->\n).*?(<!-- end -->)", lambda m: m[1] + "\n".join(tables(name)) + "\n" + m[2], text, flags=re.S)
    page.write_text(text)
    figure(names)
