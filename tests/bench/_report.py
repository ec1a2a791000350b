"""Where a benchmark's table goes: `docs/benchmarks.md`, one section each, with machine, versions and date."""

import math
import os
import platform
import re
import statistics
import time
from importlib.metadata import version
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
STREAM = ("faust-streaming", "aiokafka", "chdb")
HEAD = """# Benchmarks

Made by `make bench`. Each figure stands beside a baseline that was taken in turn with it, in the same run; medians of
the rounds, the spread as (least to most). Two shared cores are noisy: ratios hold better than absolute figures.
"""


def spread(values, form="{:,.0f}"):
    """Median (least to most)."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{form.format(middle)} ({form.format(low)} to {form.format(high)})"


def at_share(values, share):
    """The least value that this share of all does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def write(name, what, rows, *, page=PAGE, packages=STREAM, versions=None):
    """Put a section into the page, in place of the one that it had; `versions` are of packages that are not ours."""
    known = {one: version(one) for one in packages} | (versions or {})
    section = f"\n## {name}\n\n{what}\n\n{table(rows)}\n{_machine(known)}\n"
    text = page.read_text(encoding="utf-8") if page.exists() else HEAD
    found = re.search(rf"\n## {re.escape(name)}\n.*?(?=\n## |\Z)", text, re.DOTALL)
    text = text[: found.start()] + section + text[found.end() :] if found else text.rstrip("\n") + "\n" + section
    page.write_text(text, encoding="utf-8")


def table(rows):
    """Rows as Markdown."""
    head = "".join(f"| {column} " for column in rows[0]) + "|\n" + "|---" * len(rows[0]) + "|\n"
    return head + "".join("".join(f"| {value} " for value in row.values()) + "|\n" for row in rows)


def _machine(versions):
    listed = ", ".join(f"{name} {one}" for name, one in versions.items())
    cpu = next((line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.machine())
    python, load = platform.python_version(), os.getloadavg()[0]
    return f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores of {cpu}, load {load:.1f}, Python {python}, {listed}."


def _cpuinfo():
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
