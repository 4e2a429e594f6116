"""What each stabiliser does: on and off, from the same seeds, images and number of steps.

One group at a time: ``switches`` adds one switch to the dcgan preset; ``failures`` are runs made to
fail, each without and with the switch that heals it, and healthy runs beside them.

    python research/stability.py --group switches
    python research/stability.py --group failures
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import _environment, _gans, _report  # noqa: E402
from benchmarks._images_data import load_images  # noqa: E402
from benchmarks._options import IMAGES, chosen  # noqa: E402
from benchmarks._scores import ScoreFile  # noqa: E402
from benchmarks._stats import t_interval  # noqa: E402


@dataclass(frozen=True)
class Arm:
    """A preset for images with changes.

    Attributes
    ----------
    name : str
    changes : dict
        Fields of the recipe.
    base : str
        The arm that it is compared with.
    preset : str
    """

    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    base: str = "dcgan"
    preset: str = "dcgan"

    def recipe(self) -> Any:
        """Return the recipe."""
        from ganaug import Recipe

        return Recipe.preset(self.preset, data="image").replace(**QUICK | self.changes)


QUICK = {"batch_size": 32, "learning_rate": 5e-4, "critic_learning_rate": 5e-4}
"""In every arm, unless it says otherwise: so that a run takes less than a minute."""

PLAIN = {"critic_norm": "none"}
SWITCHES = (
    Arm("dcgan"),
    Arm("progressive", {"progressive": 0.6}),
    Arm("n_critic 2", {"n_critic": 2}),
    Arm("label_smoothing 0.1", {"label_smoothing": 0.1}),
    Arm("replay 0.25", {"replay": 0.25}),
    Arm("historical_average 0.01", {"historical_average": 0.01}),
    Arm("mode_seeking 0.5", {"mode_seeking": 0.5}),
    Arm("minibatch_stddev", {"minibatch_stddev": True}),
    Arm("pac 2", {"pac": 2}),
    Arm("lecam 0.1", {"lecam": 0.1}),
    Arm("diff_augment", {"diff_augment": ("translation",)}),
    Arm("no ema", {"ema": 0.0}),
    Arm("no critic norm", PLAIN),
    Arm("spectral_norm", PLAIN | {"spectral_norm": True}, base="no critic norm"),
)
"""The last two: spectral normalisation takes the place of the critic's batch norm."""

OVERPOWERED = {"loss": "minimax", "critic_learning_rate": 2e-3, "n_critic": 3, **PLAIN}
COLLAPSED = {"conditioning": "concat", "learning_rate": 2e-3, "critic_learning_rate": 1e-4}
DIVERGED = {"loss": "wasserstein", "critic_learning_rate": 3.0, "n_critic": 3, **PLAIN}
FAILURES = (
    Arm("healthy: dcgan"),
    Arm("healthy: auto", {"small_classes": "gan"}, preset="auto"),
    Arm("overpowering critic", OVERPOWERED),
    Arm("  + spectral_norm", OVERPOWERED | {"spectral_norm": True}, base="overpowering critic"),
    Arm("  + lecam 1", OVERPOWERED | {"lecam": 1.0}, base="overpowering critic"),
    Arm("  + replay 0.5", OVERPOWERED | {"replay": 0.5}, base="overpowering critic"),
    Arm("mode collapse", COLLAPSED, preset="gan"),
    Arm("  + n_critic 5", COLLAPSED | {"n_critic": 5}, base="mode collapse", preset="gan"),
    Arm(
        "  + mode_seeking 0.05",
        COLLAPSED | {"mode_seeking": 0.05},
        base="mode collapse",
        preset="gan",
    ),
    Arm("  + pac 4", COLLAPSED | {"pac": 4}, base="mode collapse", preset="gan"),
    Arm(
        "  + minibatch_stddev",
        COLLAPSED | {"minibatch_stddev": True},
        base="mode collapse",
        preset="gan",
    ),
    Arm("divergence", DIVERGED | {"weight_clip": 1e6}),
    Arm("  with spectral_norm", DIVERGED | {"spectral_norm": True}, base="divergence"),
)
"""A saturating loss against a critic that learns ten times faster; a generator that learns twenty
times faster than its critic; a critic with nothing to bound it."""

GROUPS = {"switches": SWITCHES, "failures": FAILURES}


def measure(digits: _gans.Digits, arm: Arm, seed: int, steps: int) -> dict[str, Any]:
    """Fit one arm and return its figures; for one that diverged, what the error said."""
    from ganaug import DivergenceError

    try:
        _, facts, images, codes = _gans.learn(digits, arm.recipe(), seed, max_steps=steps)
    except DivergenceError as error:
        return {"diverged": str(error)}
    return {**facts, **digits.describe(images, codes)}


def key(arm: Arm, steps: int, images: int) -> str:
    """Return a name of what a row is of, so that a log never answers for another recipe."""
    content = json.dumps([arm.recipe().to_dict(), steps, images], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


COLUMNS = {
    "recognised_held_out": ("recognised, %", 100, 1),
    "diversity": ("diversity", 1, 2),
    "mmd": ("MMD x 1000", 1000, 0),
    "generator_grad_norm": ("gradient of G", 1, 3),
    "critic_grad_norm": ("of the critic", 1, 3),
    "seconds": ("s", 1, 0),
}


def table(rows: pd.DataFrame, arms: Sequence[Arm]) -> str:
    """Return means over the seeds, and what each arm changes, with 95% intervals."""
    rows = rows.set_index(["arm", "seed"])
    cells = []
    for arm in arms:
        own = rows.loc[arm.name]
        line = [arm.name]
        for name, (_, factor, digits) in COLUMNS.items():
            values = own[name].dropna() * factor if name in own else pd.Series(dtype=float)
            line.append(f"{values.mean():.{digits}f}" if len(values) else "-")
        alone = arm.name == arm.base or arm.base not in rows.index
        name = "recognised_held_out"
        gap = pd.Series(dtype=float) if alone else (own[name] - rows.loc[arm.base][name]) * 100
        line.append(interval(gap.dropna().tolist()))
        fired = sorted({signal for signals in own["signals"].dropna() for signal in signals})
        diverged = own["diverged"].notna().any() if "diverged" in own else False
        line.append(", ".join(fired + ["divergence"] * bool(diverged)) or "none")
        cells.append(line)
    heads = [head for head, _, _ in COLUMNS.values()]
    return _report.markdown_table(["", *heads, "recognised, change in points", "signals"], cells)


def interval(values: Sequence[float]) -> str:
    """Return a mean with its 95% interval by Student's t."""
    if len(values) < 2:
        return f"{values[0]:+.1f}" if values else "-"
    low, high = t_interval(values)
    return f"{np.mean(values):+.1f} [{low:+.1f}, {high:+.1f}]"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--group", choices=GROUPS, default="switches")
    parser.add_argument("--arms", help="comma-separated names; default: all of the group")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", type=Path, default=IMAGES)
    parser.add_argument("--out", type=Path)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what a log does not have yet, write each line as it comes, and print the table."""
    given = parse(arguments)
    torch.set_num_threads(given.threads)
    known = {arm.name.strip(): arm for arm in GROUPS[given.group]}
    arms = [known[name] for name in chosen(given.arms, list(known), list(known))]
    out = given.out or ROOT / "research" / "results" / f"stability-{given.group}.json"
    file = ScoreFile(out.with_suffix(".jsonl"))
    rows = file.read()
    digits = _gans.Digits.cut(load_images(given.data, "mnist"), given.images)
    done = {(row["arm"], row["seed"], row["of"]) for row in rows}
    for seed in range(given.seeds):
        for arm in arms:
            of = key(arm, given.steps, given.images)
            if (arm.name, seed, of) not in done:
                row = {"arm": arm.name, "seed": seed, "of": of}
                row |= measure(digits, arm, seed, given.steps)
                rows.append(row)
                print(row, file=sys.stderr, flush=True)
                file.add(row)
    content = {
        **_environment.describe(sys.argv),
        "threads": given.threads,
        "steps": given.steps,
        "data": digits.data.describe(),
        "scores": rows,
    }
    _report.write_json(out, content)
    wanted = {(arm.name, key(arm, given.steps, given.images)) for arm in arms}
    print(table(pd.DataFrame([r for r in rows if (r["arm"], r["of"]) in wanted]), arms))


if __name__ == "__main__":
    main()
