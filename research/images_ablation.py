"""What each part of the image recipes is worth, on development splits of the training images.

The held-out test images are never read: some common classes are made rare (20 images stay), and the
rest of the training file is what the classifier is judged on. Every arm changes one part of a
recipe, with the same budget of steps, seeds and classifier.

    python research/images_ablation.py --group bend
    python research/images_ablation.py --group invent --steps 400 --splits A
    python research/images_ablation.py --group light --seeds 2
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import _environment, _report  # noqa: E402
from benchmarks._images_data import ImageSet, load_images, to_tensor  # noqa: E402
from benchmarks._images_net import (  # noqa: E402
    DIGITS,
    PHOTOGRAPHS_REDUCED,
    Protocol,
    accuracies,
    predict,
    train,
)
from benchmarks._options import IMAGES, chosen  # noqa: E402
from benchmarks._scores import ScoreFile  # noqa: E402
from benchmarks._stats import t_interval  # noqa: E402

SPLITS = {
    "mnist": {"A": ("2", "3", "8"), "B": ("0", "5", "9")},
    "cifar": {"A": ("1", "3", "5"), "B": ("0", "2", "4")},
}
"""Classes that each development split makes rare."""
PROTOCOLS = {"mnist": DIGITS, "cifar": replace(PHOTOGRAPHS_REDUCED, steps=500)}
LEFT, HELD_OUT, MOST = 20, 200, 1000
"""Training images of a rare class, judged images of a common one, most of a class for either."""
JUDGE_STEPS = {"mnist": 2500, "cifar": 1500}


@dataclass(frozen=True)
class Arm:
    """A recipe with a part changed.

    Attributes
    ----------
    name : str
        What is different.
    changes : dict
        Fields of the recipe.
    preset : str or None
        Where not that of the group.
    """

    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    preset: str | None = None


@dataclass(frozen=True)
class Group:
    """Arms that are compared with the first of them.

    Attributes
    ----------
    set : str
        Of images.
    preset : str
    changes : dict
        Fields of the recipe, for all arms.
    steps : int or "auto"
    arms : tuple of Arm
    """

    set: str
    preset: str
    changes: dict[str, Any]
    steps: Any
    arms: tuple[Arm, ...]

    def recipe(self, arm: Arm) -> Any:
        """Return the recipe of an arm."""
        from ganaug import Recipe

        changes = {**self.changes, **arm.changes}
        preset = Recipe.preset(arm.preset or self.preset, data="image")
        return preset.replace(**changes) if changes else preset


REAL = Arm("real images alone")

GROUPS: dict[str, Group] = {
    "bend": Group(
        "mnist",
        "warp",
        {},
        600,
        (
            Arm("warp"),
            Arm("no critic", {"reconstruction": 1e6}),
            Arm("critic alone", {"reconstruction": 1e-6}),
            Arm("temperature 1.4", {"temperature": 1.4}),
            Arm("no selection", {"selection": "none"}),
            Arm("EMA", {"ema": 0.99}),
            Arm("no R1 or R2", {"r1": 0.0, "r2": 0.0}),
            Arm("non-saturating loss", {"loss": "non-saturating"}),
            Arm("DiffAugment", {"diff_augment": ("translation",)}),
            Arm("balanced class order", {"class_balance": 0.0}),
        ),
    ),
    "invent": Group(
        "mnist",
        "auto",
        {"small_classes": "gan"},
        800,
        (
            Arm("all classes invented"),
            Arm("non-saturating loss", {"loss": "non-saturating"}),
            Arm("no R1 or R2", {"r1": 0.0, "r2": 0.0}),
            Arm("label concatenated", {"conditioning": "concat"}),
            Arm("balanced to natural order", {"class_balance": 1.0, "class_balance_start": 0.0}),
            Arm("natural to balanced order", {"class_balance": 0.0, "class_balance_start": 1.0}),
            Arm("first size shared by the classes", {"shared_stages": 1}),
            Arm("class-embedding noise", {"embedding_noise": 1.0}),
            Arm("DiffAugment", {"diff_augment": ("translation", "cutout")}),
            Arm("EMA", {"ema": 0.99}),
            Arm("no selection", {"selection": "none"}),
            Arm("residual body", {"kind": "residual"}),
        ),
    ),
    "light": Group(
        "cifar",
        "light",
        {},
        "auto",
        (
            Arm("light"),
            Arm("warp", preset="warp"),
            Arm("no selection", {"selection": "none"}),
            Arm("natural class order", {"class_balance": 1.0}),
            Arm("no R1 or R2", {"r1": 0.0, "r2": 0.0}),
            Arm("non-saturating loss", {"loss": "non-saturating"}),
            Arm("no EMA", {"ema": 0.0}),
        ),
    ),
}


def development(data: ImageSet, rare: Sequence[str], seed: int) -> ImageSet:
    """Return a split of the training images: some classes rare, the others common.

    Classes that are rare in the file itself are left out.
    """
    sizes = {
        code: LEFT if data.classes[code] in rare else min(data.counts[code] - HELD_OUT, MOST)
        for code in data.plentiful()
    }
    return data.redivided(f"{data.name} development", sizes, seed, most=MOST)


def measure(
    data: ImageSet, protocol: Protocol, judge: Any, recipe: Any, steps: Any, seed: int
) -> dict[str, Any]:
    """Return the scores of one arm (recipe None: real images alone) with one seed."""
    from ganaug import GANAugmenter

    n_classes, device = len(data.classes), torch.device("cpu")
    images, codes, found = data.images, data.codes, {}
    if recipe is not None:
        begun = time.perf_counter()
        augmenter = GANAugmenter(recipe=recipe, max_steps=steps, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            images, codes = augmenter.fit_resample(images, codes)
        new = augmenter.synthetic_mask_
        made = to_tensor(images[new])
        right = predict(judge, made, device).numpy() == codes[new]
        found = {
            "seconds": time.perf_counter() - begun,
            "recognised": float(right.mean()),
            "diversity": _diversity(data, images[new], codes[new]),
        }
    network = train(
        protocol, to_tensor(images), torch.from_numpy(np.asarray(codes, np.int64)), n_classes, seed,
        balanced=True, moved=True, device=device,
    )  # fmt: skip
    answers = predict(network, to_tensor(data.test_images), device)
    scores = accuracies(answers, torch.from_numpy(data.test_codes), n_classes, data.rare)
    return {"balanced": scores["balanced"], "rare": scores["rare"], **found}


def _diversity(data: ImageSet, made: Any, codes: Any) -> float:
    """Return how far apart two made images of a class are, as a share of two real ones'."""
    ratios = []
    for code in np.unique(codes):
        own = torch.from_numpy(made[codes == code][:300]).float().flatten(1)
        real = torch.from_numpy(data.test_images[data.test_codes == code][:300]).float().flatten(1)
        ratios.append(float(torch.pdist(own).mean() / torch.pdist(real).mean()))
    return float(np.mean(ratios))


def table(rows: pd.DataFrame, base: str) -> str:
    """Return means, and differences from the unchanged recipe paired by split and seed."""
    wide = rows.pivot_table(index=["split", "seed"], columns="arm", values="balanced")
    cells = []
    for arm in rows["arm"].unique():
        own = rows[rows["arm"] == arm]
        gap = (wide[arm] - wide[base]).dropna() * 100 if base in wide else pd.Series(dtype=float)
        if arm == base or len(gap) < 2:
            shown = "-"
        else:
            low, high = t_interval(gap.tolist())
            shown = f"{gap.mean():+.2f} [{low:+.2f}, {high:+.2f}]"
        cells.append(
            [
                arm,
                str(len(own)),
                f"{100 * own['balanced'].mean():.2f}",
                f"{100 * own['rare'].mean():.2f}",
                shown,
                *(_mean(own, name) for name in ("recognised", "diversity", "seconds")),
            ]
        )
    head = [
        "arm", "n", "balanced acc.", "rare acc.", f"minus {base}, points", "recognised",
        "diversity", "s",
    ]  # fmt: skip
    return _report.markdown_table(head, cells)


def _mean(rows: pd.DataFrame, name: str) -> str:
    values = rows[name].dropna().tolist() if name in rows else []
    return f"{np.mean(values):.2f}" if values else "-"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--group", choices=GROUPS, default="bend")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--splits", help="comma-separated; default: A,B")
    parser.add_argument("--arms", help="comma-separated names; default: all of the group")
    parser.add_argument("--steps", type=int, help="generator steps of every arm")
    parser.add_argument("--data", type=Path, default=IMAGES)
    parser.add_argument("--out", type=Path)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the arms, write each score as it comes, and print the table."""
    options = parse(arguments)
    group = GROUPS[options.group]
    steps, base = options.steps or group.steps, group.arms[0].name
    known = {arm.name: arm for arm in group.arms}
    arms = [known[name] for name in chosen(options.arms, list(known), list(known))]
    splits = list(SPLITS[group.set])
    out = options.out or ROOT / "research" / "results" / f"ablation-{options.group}.json"
    file = ScoreFile(out.with_suffix(".jsonl"))
    rows = file.read()
    data, protocol = load_images(options.data, group.set), PROTOCOLS[group.set]
    done = {(row["arm"], row["split"], row["seed"]) for row in rows}
    for seed in range(options.seeds):
        for split in chosen(options.splits, splits, splits):
            part = development(data, SPLITS[group.set][split], seed)
            judge = _judge(part, replace(protocol, steps=JUDGE_STEPS[group.set]))
            for arm in (REAL, *arms):
                if (arm.name, split, seed) in done:
                    continue
                row = {"arm": arm.name, "split": split, "seed": seed}
                recipe = None if arm is REAL else group.recipe(arm)
                row |= measure(part, protocol, judge, recipe, steps, seed)
                rows.append(row)
                print(row, file=sys.stderr, flush=True)
                file.add(row)
    frame = pd.DataFrame(rows)
    environment = _environment.describe(sys.argv)
    _report.write_json(out, {**environment, "steps": steps, "scores": rows})
    print(table(frame, base))


def _judge(part: ImageSet, protocol: Protocol) -> Any:
    """Return a classifier that has seen many images of every class of the split."""
    everything = replace(
        part,
        images=np.concatenate([part.images, part.test_images]),
        codes=np.concatenate([part.codes, part.test_codes]),
    )
    return train(
        protocol, to_tensor(everything.images),
        torch.from_numpy(everything.codes), len(part.classes), 1_000_003,
        balanced=True, moved=True, device=torch.device("cpu"),
    )  # fmt: skip


if __name__ == "__main__":
    main()
