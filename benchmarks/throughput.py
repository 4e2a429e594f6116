"""Time ganaug on a large table: fitting, and rows a second with and without selection.

    python benchmarks/throughput.py
    python benchmarks/throughput.py --set thyroid --rows 100000

Times ``GANAugmenter(random_state=0).fit_resample(X, y)`` after a warm-up, then generation by the
fitted model, the best of ``--repeats`` each:

raw
    Encoded rows from the generator, as it makes them.
decoded
    The same, turned back into columns of the table's dtypes.
selected
    ``sample``: rows chosen by evidence and distance, as ``fit_resample`` adds them, and decoded.

Prints Markdown; versions, device and figures go to ``--out`` as JSON.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import _environment, _report  # noqa: E402
from benchmarks._data import TableSet, load_set  # noqa: E402
from benchmarks._methods import ARMS, warm_up  # noqa: E402
from benchmarks._options import RESULTS, TABLES  # noqa: E402


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--set", default="adult")
    parser.add_argument("--rows", type=int, default=200_000, help="rows to generate")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--max-rows", type=int, default=0, help="rows to fit on, 0 for all")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--data", type=Path, default=TABLES, help="folder with manifest.json")
    parser.add_argument("--out", type=Path, default=RESULTS / "throughput.json")
    return parser.parse_args(arguments)


def best_seconds(work: Callable[[], Any], repeats: int) -> float:
    """Return the shortest of some runs, after one that does not count."""
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


def measure(table: TableSet, rows: int, repeats: int, device: str) -> dict[str, Any]:
    """Return seconds of the fit and rows a second of generation."""
    from ganaug import GANAugmenter
    from ganaug.models.model import GENERATED

    augmenter = GANAugmenter(device=device, random_state=0)
    start = time.perf_counter()
    _, y = augmenter.fit_resample(table.X, table.y)
    seconds = time.perf_counter() - start
    model = augmenter.model_
    code = next((i for i, how in enumerate(model.methods) if how in GENERATED), None)
    figures: dict[str, Any] = {
        "set": table.name,
        "rows": len(table.y),
        "columns": table.X.shape[1],
        "plan": {str(k): str(v) for k, v in augmenter.plan_.items()},
        "rows_added": len(y) - len(table.y),
        "fit_resample_seconds": seconds,
        "load": _environment.load_average(),
    }
    if code is None:
        return figures
    label = augmenter.classes_[code]

    def raw() -> Any:
        return model.sample(code, rows, 0, select=False)

    def decoded() -> Any:
        return model.codec.decode(raw())

    def selected() -> Any:
        return augmenter.sample({label: rows}, random_state=0)

    for name, work in (("raw", raw), ("decoded", decoded), ("selected", selected)):
        figures[f"{name}_rows_per_second"] = rows / best_seconds(work, repeats)
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write."""
    options = parse(arguments)
    table = load_set(options.data, options.set).capped(options.max_rows or None)
    warm_up([ARMS["ganaug"]])
    figures = measure(table, options.rows, options.repeats, options.device)
    command = sys.argv if arguments is None else ["benchmarks/throughput.py", *arguments]
    facts = _environment.describe(command)
    _report.write_json(options.out, {"environment": facts, "figures": figures})
    print(f"- {facts['processor']}, {facts['cores']} cores, {facts['device']}; {facts['date']}\n")
    lines = [(k, v if isinstance(v, (int, float)) else str(v)) for k, v in figures.items()]
    print(_report.markdown_table(["figure", "value"], lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
