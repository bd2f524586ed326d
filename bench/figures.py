"""The result of a benchmark: a table to read, and the same as JSON in `bench/out/`."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

OUT = Path(__file__).parent / "out"


@dataclass(frozen=True)
class Figure:
    """One measurement; `ratio` is that to the reference, `target` what it should reach."""

    name: str
    figure: float
    unit: str
    reference: str | None = None
    ratio: float | None = None
    spread: tuple[float, float] | None = None
    target: str | None = None
    met: bool | None = None


def compare(
    name: str,
    figures: Sequence[float],
    references: Sequence[float],
    *,
    unit: str,
    to: str,
    least: float | None = None,
    within_spread: bool = False,
) -> Figure:
    """Set interleaved rounds against those of a reference: the median of their ratios, lowest and highest.

    What is to be no worse than the reference, `within_spread`, is met when any round was not.
    """
    ratios = [figure / reference for figure, reference in zip(figures, references, strict=True)]
    ratio = statistics.median(ratios)
    return Figure(
        name,
        round(statistics.median(figures), 1),
        unit,
        f"{to}: {statistics.median(references):,.0f}",
        round(ratio, 2),
        (round(min(ratios), 2), round(max(ratios), 2)),
        None if least is None else f"≥ {least}",
        None if least is None else (max(ratios) if within_spread else ratio) >= least,
    )


def publish(name: str, figures: Sequence[Figure]) -> None:
    """Print the table and write the JSON."""
    heads = ("", "figure", "unit", "reference", "ratio", "spread", "target", "met")
    rows = [heads, *(_cells(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    OUT.mkdir(exist_ok=True)
    text = json.dumps([asdict(figure) for figure in figures], indent=2, ensure_ascii=False)
    (OUT / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def _cells(figure: Figure) -> tuple[str, ...]:
    spread = f"{figure.spread[0]:g} to {figure.spread[1]:g}" if figure.spread else ""
    met = {None: "", True: "yes", False: "NO"}[figure.met]
    ratio = "" if figure.ratio is None else f"{figure.ratio:g}"
    said = f"{figure.figure:,.1f}".removesuffix(".0")
    return (
        figure.name, said, figure.unit, figure.reference or "", ratio, spread, figure.target or "", met,
    )  # fmt: skip
