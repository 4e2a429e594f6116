"""Run the examples with their small budgets and put their figures into docs/figures/.

Run: python docs/make_gallery.py [NAME ...] [--data FOLDER]

Without names all examples run, which takes about ten minutes on one core. ``--data`` has the data
of the benchmarks in its folders ``tabular`` and ``images``; where they are not there, the examples
that need them are left out.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs" / "figures"
LARGEST_BYTES = 120_000
ATTEMPTS = ((1100, 0), (1100, 256), (1100, 64), (800, 256), (600, 256))
"""Widths in pixels, and numbers of colours (0 is all of them)."""

NEEDS = {
    "cifar10_lt": ("images", "images/cifar10_lt_train.parquet"),
    "fraud_table": ("tabular/credit_card_subset.csv", "tabular/credit_card_subset.csv"),
    "pix2pix_facades": ("images/facades64_train.parquet", "images/facades64_train.parquet"),
}
"""What an example is given of the data, and the file that must be there."""


def main() -> None:
    """Run what is asked for; say what was left out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="examples, without .py; all if none")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    options = parser.parse_args()
    names = options.names or sorted(path.stem for path in (ROOT / "examples").glob("*.py"))
    for name in names:
        given, needed = NEEDS.get(name, ("", ""))
        if needed and not (options.data / needed).exists():
            print(f"{name}: left out, for there is no {options.data / needed}")
            continue
        arguments = [str((options.data / given).resolve())] if given else []
        target = FIGURES / f"gallery-{name}.png"
        run(name, arguments, target)
        print(f"{name}: {target.relative_to(ROOT)}, {target.stat().st_size:,} bytes")


def run(name: str, arguments: list[str], target: Path) -> None:
    """Run an example and keep its one picture, made small enough for a page."""
    environment = {**os.environ, "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), environment.get("PYTHONPATH", "")])
    with tempfile.TemporaryDirectory() as folder:
        script = str(ROOT / "examples" / f"{name}.py")
        subprocess.run([sys.executable, script, folder, *arguments], env=environment, check=True)
        (picture,) = Path(folder).glob("*.png")
        keep(picture, target)


def keep(picture: Path, target: Path) -> None:
    """Save a picture as PNG, with fewer colours, or smaller, if it would be large."""
    with Image.open(picture) as image:
        whole = image.convert("RGB")
    for width, colours in ATTEMPTS:
        size = (width, round(whole.height * width / whole.width))
        small = whole.resize(size) if width < whole.width else whole
        (small.quantize(colours) if colours else small).save(target, optimize=True)
        if target.stat().st_size <= LARGEST_BYTES:
            return
    sys.exit(f"{target} has {target.stat().st_size:,} bytes: draw less")


if __name__ == "__main__":
    main()
