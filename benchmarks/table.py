"""The table of what was measured, and its columns as numbers."""

from __future__ import annotations

from statistics import geometric_mean, median
from typing import Any

from agreement import agrees

PRECISIONS = ("float32", "auto")


def columns(entry: dict[str, Any]) -> dict[str, float]:
    """Give a recipe's rates and ratios: medians over the rounds, ratios of what ran in the same round."""
    d2l = entry["d2l"]
    numbers = {"d2l": median(d2l["end_to_end"]), "d2l compute": median(d2l["compute"])}
    for precision in PRECISIONS:
        rounds = entry[precision]
        ours = [median(r["ours"]) for r in rounds]
        numbers[precision] = median(ours)
        numbers[f"{precision} compute"] = median([median(r["compute"]) for r in rounds])
        numbers[f"{precision} / d2l"] = median(a / b for a, b in zip(ours, d2l["end_to_end"], strict=True))
        numbers[f"{precision} / limit"] = median(
            a / b for r in rounds for a, b in zip(r["ours"], r["limit"], strict=True)
        )
    return numbers


def geometric_means(entries: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Give the geometric mean over the recipes of each ratio."""
    rows = [columns(entry) for entry in entries.values()]
    return {name: geometric_mean(row[name] for row in rows) for name in rows[0] if "/" in name}


def write(result: dict[str, Any]) -> str:
    """Write the whole table."""
    entries = result["recipes"]
    head = (
        f"{'':14}{'':>9}{'steps':>7} | {'examples/s, end to end':^26} | {'ours / d2l':^15} | "
        f"{'examples/s, compute alone':^26} | {'ours / limit':^15} | losses\n"
        f"{'recipe':14}{'batch':>9}{'d2l':>4}{'us':>3} | {'d2l':>8}{'float32':>9}{'auto':>9} | {'float32':>8}{'auto':>7} | "
        f"{'d2l':>8}{'float32':>9}{'auto':>9} | {'float32':>8}{'auto':>7} |"
    )
    lines = [_title(result), "", *head.splitlines(), "-" * 132]
    for name, entry in entries.items():
        n = columns(entry)
        batch = f"{entry['batch_size']}@{entry['resize']}"
        lines.append(
            f"{name:14}{batch:>9}{entry['steps']['d2l']:>4}{entry['steps']['ours']:>3} | "
            f"{n['d2l']:8,.0f}{n['float32']:9,.0f}{n['auto']:9,.0f} | "
            f"{n['float32 / d2l']:7.2f}×{n['auto / d2l']:6.2f}× | "
            f"{n['d2l compute']:8,.0f}{n['float32 compute']:9,.0f}{n['auto compute']:9,.0f} | "
            f"{n['float32 / limit']:8.1%}{n['auto / limit']:7.1%} | {_verdict(entry['agreement'])}"
        )
    m = geometric_means(entries)
    lines += [
        "-" * 132,
        f"{'geometric mean':30} | {'':26} | {m['float32 / d2l']:7.2f}×{m['auto / d2l']:6.2f}× | {'':26} | "
        f"{m['float32 / limit']:8.1%}{m['auto / limit']:7.1%} |",
        "",
        *_notes(entries),
    ]
    return "\n".join(line.rstrip() for line in lines)


def _title(result: dict[str, Any]) -> str:
    machine, versions = result["machine"], result["versions"]
    return (
        f"{machine['name']}; auto means {machine['auto']}; {result['data']}\n"
        f"{', '.join(f'{name} {version}' for name, version in versions.items())}; {result['date']}; "
        f"commit {result['commit'][:12]}"
    )


def _verdict(agreement: dict[str, Any]) -> str:
    """Say in a word or two whether the short runs agree."""
    if agrees(agreement):
        return "agree"
    return "float32 DIFFERS from d2l" if not agreement["float32_agrees"] else "auto DIFFERS from float32"


def _notes(entries: dict[str, dict[str, Any]]) -> list[str]:
    first = next(iter(entries.values()))["agreement"]
    compiled = [name for name, entry in entries.items() if entry["auto_compiled"]]
    return [
        *([f"auto: compiled as well, ours and the limit's: {', '.join(compiled)}."] if compiled else []),
        "steps: those that are timed, of all rounds together; each round starts with others that warm up.",
        "end to end: data, computation and metrics. d2l: its loader with its four processes, in its steady state;",
        "ours: whole epochs of a few steps, in which what is done once an epoch weighs more than in a real one.",
        "limit: a bare loop over resized floats on the device; same network, precision, layout, optimizer; no metrics.",
        f"losses: in {first['steps']} steps of {first['images']} images. float32: d2l's own from the same seed; "
        "auto: within the seeds' deviation.",
    ]
