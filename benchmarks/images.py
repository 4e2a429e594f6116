"""Does a classifier of images get better at its rare classes? Arms that differ in nothing else.

The same convolutional network, initial weights, number of steps and batches for every arm, scored
on real held-out images. See README.md here for what the arms and the tables mean. The report is
Markdown on standard output; scores and tables go to ``--out``.

    python benchmarks/images.py --set mnist
    python benchmarks/images.py --set cifar --reduced
    python benchmarks/images.py --set cifar --device cuda
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import _environment, _images_report, _report  # noqa: E402
from benchmarks._images_arms import ARMS, warm_up  # noqa: E402
from benchmarks._images_data import FILES, ImageSet, load_images  # noqa: E402
from benchmarks._images_net import DIGITS, PHOTOGRAPHS, PHOTOGRAPHS_REDUCED  # noqa: E402
from benchmarks._images_run import ImageRun, ImageSettings, by_kind  # noqa: E402
from benchmarks._options import CACHE, IMAGES, RESULTS, chosen  # noqa: E402

SEEDS, SEEDS_REDUCED = 5, 3
LARGEST, SMALLEST, TEST_IMAGES = 1000, 20, 200
"""Of a class in a reduced run."""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--set", choices=list(FILES), default="mnist")
    parser.add_argument(
        "--reduced",
        action="store_true",
        help="cifar for a CPU: fewer images, a smaller network and fewer steps",
    )
    parser.add_argument(
        "--seeds", type=int, help=f"default {SEEDS}; {SEEDS_REDUCED} with --reduced"
    )
    parser.add_argument("--methods", help=f"comma-separated, of: {', '.join(ARMS)}")
    parser.add_argument("--device", default="auto", help="default cuda, then mps, then cpu")
    parser.add_argument("--max-minutes", type=float, help="begin no seed that would end later")
    parser.add_argument("--max-steps", type=int, help="of the GAN, to try things out")
    parser.add_argument("--cnn-steps", type=int, help="of the classifier, to try things out")
    parser.add_argument("--data", type=Path, default=IMAGES, help="folder with the Parquet files")
    parser.add_argument("--out", type=Path, help="JSON; default benchmarks/results/images-SET.json")
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--fresh", action="store_true", help="use nothing from earlier runs")
    options = parser.parse_args(arguments)
    for name in ("seeds", "max_steps", "cnn_steps"):
        if (value := getattr(options, name)) is not None and value < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1, got {value}")
    if options.reduced and options.set != "cifar":
        parser.error("--reduced is for --set cifar; mnist runs in full on a CPU")
    return options


def device_of(name: str) -> str:
    """Return the device to use."""
    import torch

    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def settings_of(options: argparse.Namespace) -> ImageSettings:
    """Return what the options ask for."""
    protocol = DIGITS if options.set == "mnist" else PHOTOGRAPHS
    if options.reduced:
        protocol = PHOTOGRAPHS_REDUCED
    if options.cnn_steps is not None:
        protocol = replace(protocol, steps=options.cnn_steps)
    return ImageSettings(
        protocol=protocol,
        arms=tuple(ARMS[name] for name in chosen(options.methods, list(ARMS), list(ARMS))),
        seeds=tuple(range(options.seeds or (SEEDS_REDUCED if options.reduced else SEEDS))),
        device=device_of(options.device),
        max_steps=options.max_steps,
        max_minutes=options.max_minutes,
        fresh=options.fresh,
    )


def departures(options: argparse.Namespace, settings: ImageSettings) -> list[str]:
    """Return what makes a run less than the full benchmark."""
    found = []
    if options.reduced:
        found.append("reduced")
    if options.max_steps is not None:
        found.append(f"GAN cut to {options.max_steps} steps")
    if options.cnn_steps is not None:
        found.append(f"classifier with {options.cnn_steps} steps")
    if len(settings.seeds) < SEEDS:
        found.append(f"{len(settings.seeds)} seeds instead of {SEEDS}")
    return found


def warning_of(options: argparse.Namespace, data: ImageSet, found: Sequence[str]) -> str:
    """Return what a reader must know before anything else; empty for a full run."""
    if not found:
        return ""
    text = f"NOT THE FULL BENCHMARK: {'; '.join(found)}."
    if options.reduced:
        text += (
            f" A reduced run: {len(data.codes)} training images of all {len(data.classes)} classes "
            f"({max(data.counts)} down to {min(data.counts)}), {len(data.test_codes)} held-out "
            "images, a smaller classifier, few steps. It says which arm is ahead at this size, and "
            "nothing of the accuracy that the whole set gives."
        )
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark as the command line asks and print its report."""
    options = parse(arguments)
    settings = settings_of(options)
    data = load_images(options.data, options.set)
    profile = f"images-{options.set}"
    if options.reduced:
        data, profile = data.cut(LARGEST, SMALLEST, TEST_IMAGES), f"{profile}-reduced"
    out = options.out or RESULTS / f"{profile}.json"
    found = departures(options, settings)
    warning = warning_of(options, data, found)
    if warning:
        print(warning, file=sys.stderr, flush=True)
    if "ganaug" in settings.sources:
        warm_up(settings.device)
    run = ImageRun(settings, out.with_suffix(".jsonl"), options.cache, data=data)
    scores, pictures = by_kind(run.execute())
    if run.cut:
        found.append(f"the time limit left out {len(run.cut)} seed(s)")
        warning = warning_of(options, data, found)
    command = sys.argv if arguments is None else ["benchmarks/images.py", *arguments]
    facts = _environment.describe(command)
    facts["device"] = run.machine
    facts["versions"]["pillow"] = _environment.package_version("pillow")
    _report.write_json(
        out,
        {
            "environment": facts,
            "settings": settings.describe(),
            "data": data.describe(),
            "not_full": warning,
            "cut": run.cut,
            "tables": _images_report.tables_as_values(scores, pictures),
            "rows": run.rows,
        },
    )
    head = _images_report.header(
        facts, settings.describe(), data.describe(), str(settings.protocol), run.cut
    )
    print(
        _images_report.full_report(
            scores, pictures, data.describe(), head, warning, "; ".join(found)
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
