"""Report a run: JSON, Markdown tables, and a line in docs/gpu-status.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import END, START, put_into
from benchmarks.runner import ROOT

MARK = "gpu-runs"
HEADING = ("device", "date", "commit", "tests", "sanitizer", "benchmarks")


def table(heading: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Format a Markdown table with aligned columns, which is readable in a terminal too."""
    rows = [[cell.replace("|", "\\|") for cell in row] for row in (heading, *lines)]
    widths = [max(3, *(len(row[k]) for row in rows)) for k in range(len(heading))]
    text = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |" for row in rows]
    return "\n".join([text[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *text[1:]]) + "\n"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _peer(record: dict[str, Any], peer: str) -> str:
    measured = record.get("peers", {}).get(peer)
    if measured is None:
        return ""
    return f"{measured['ratio']:.2f}" if "ratio" in measured else measured["error"].split(":")[0]


def work_table(parts: dict[str, dict[str, Any]]) -> str | None:
    """Everything measured against its floor of bytes, with the ratios to the peers."""
    lines = []
    for name, part in parts.items():
        for r in part.get("rows", ()):
            if r["kind"] != "work":
                continue
            rows = "" if r["rows"] is None else f"{r['rows']:,}"
            if "median" not in r:
                lines.append([name, r["name"], rows, "fails", "", "", "", "", "", "", ""])
                continue
            ms = f"{r['median'] * 1e3:.2f}" + ("" if len(r["times"]) >= 5 else f" (n={len(r['times'])})")
            size, peers = f"{r['bytes'] / 1e9:.3g}", [_peer(r, p) for p in ("cupy", "torch", "cudf")]
            cells = [ms if r["right"] else "WRONG", f"{r['first']:.2f}", size, _percent(r["of_copy"]), _percent(r["target"])]
            lines.append([name, r["name"], rows, *cells, *peers])
    heading = ["part", "work", "rows", "ms", "first, s", "GB to move", "of copy", "target", "x CuPy", "x torch", "x cuDF"]
    return table(heading, lines) if lines else None


def micro_table(parts: dict[str, dict[str, Any]]) -> str | None:
    """The limits of the device."""
    lines = []
    for part in parts.values():
        for r in part.get("rows", ()):
            if r["kind"] == "micro":
                value = f"{r['value']:.3g} {r['unit']}" if "value" in r else r["error"]
                fraction = f"{r['of_pcie']:.0%} of PCIe" if "of_pcie" in r else _percent(r.get("of_copy"))
                lines.append([r["name"], r.get("case", ""), value if r["right"] or "error" in r else "WRONG", fraction])
    return table(["what", "case", "rate", "of copy"], lines) if lines else None


def part_table(parts: dict[str, dict[str, Any]]) -> str:
    """Which part ran, and with what result."""
    lines = [[name, f"{p['seconds']:.0f}", describe(p)] for name, p in parts.items()]
    return table(["part", "s", "result"], lines)


def describe(part: dict[str, Any]) -> str:
    """Describe a part's result in a few words."""
    said = part["status"] + (f": {part['why']}" if part.get("why") else "")
    if "passed" in part:
        said += f" ({part['passed']} passed, {len(part['failed'])} failed, {part['skipped']} skipped of {part['collected']})"
    return said


def markdown(report: dict[str, Any]) -> str:
    """The whole report."""
    about, parts = report["device"], report["parts"]
    copies = [p["copy_gb_per_s"] for p in parts.values() if p.get("copy_gb_per_s")]
    speed = f", copy {max(copies):.0f} GB/s (read + written)" if copies else ""
    head = (
        f"{about['name']}, compute capability {about['capability']}, {about['memory_gib']} GiB, CUDA {about['driver']}{speed}. "
    )
    head += f"{report['date']}, commit {report['commit']}, {report['seconds']:.0f} s. `{report['command']}`"
    versions = ", ".join(f"{name} {v}" for name, v in report["versions"].items())
    absent = {peer: why for p in parts.values() for peer, why in p.get("absent", {}).items()}
    text = [head, "", f"{versions}." + "".join(f" {peer} {why}." for peer, why in absent.items()), ""]
    text += [
        "Median milliseconds; the fewest bytes over that time as a fraction of copy; x = the peer's time / gpuflow's.",
        "",
    ]
    text += [f"* {name}: {note}" for name, p in parts.items() for note in p.get("notes", ())]
    text += [f"* suite: {name} failed" for p in parts.values() for name in p.get("failed", ())]
    tables = [t for t in (micro_table(parts), work_table(parts), part_table(parts)) if t is not None]
    return "\n".join(text).rstrip("\n") + "\n\n" + "\n".join(tables)


def save(report: dict[str, Any], folder: Path, name: str) -> Path:
    """Write ``<name>.json`` and ``<name>.md``; the path of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(report, indent=1) + "\n")
    path.with_suffix(".md").write_text(markdown(report))
    return path


def status_line(report: dict[str, Any], path: Path) -> list[str]:
    """The cells of a run in docs/gpu-status.md."""
    parts = report["parts"]
    suite = parts.get("suite", {"status": "not run", "why": "not asked for"})
    tests = f"{suite['passed']} passed, {len(suite['failed'])} failed of {suite['collected']}" if "passed" in suite else ""
    tools = {t: parts.get(t, {"status": "not run"}) for t in ("memcheck", "racecheck")}
    words = {"ok": "clean", "failed": "FAILED", "not run": "not run"}
    sanitizer = ", ".join(
        f"{tool} {words[p['status']]}" + (f" ({p['cases']} cases)" if p.get("cases") else "") for tool, p in tools.items()
    )
    shown = path.resolve().with_suffix(".md")
    shown = shown.relative_to(ROOT) if shown.is_relative_to(ROOT) else shown
    failed = [name for name, p in parts.items() if p["status"] == "failed" and name not in ("suite", *tools)]
    measured = f"`{shown.as_posix()}`" + (f", failed: {', '.join(failed)}" if failed else "")
    return [report["device"]["name"], report["date"], report["commit"], tests or describe(suite), sanitizer, measured]


def put_status(document: Path, line: Sequence[str]) -> None:
    """Add a run to the document's table; it replaces one of the same device, commit and file."""
    text = document.read_text()
    start = START.format(MARK)
    inner = text.split(start, 1)[1].split(END, 1)[0] if start in text else ""
    old = [[c.strip() for c in row.strip().strip("|").split(" | ")] for row in inner.splitlines() if row.startswith("| ")][1:]

    def run_of(cells: Sequence[str]) -> tuple[str, str, str]:
        return cells[0], cells[2], cells[5].split(",")[0]

    others = [cells for cells in old if len(cells) == len(HEADING) and run_of(cells) != run_of(line)]
    put_into(document, MARK, table(HEADING, [*others, list(line)]))
