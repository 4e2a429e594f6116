"""``ganaug demo``: four remedies for class imbalance, compared on the same folds of real data."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer
from numpy.typing import NDArray

from ganaug.cli.demo.data import COMMON, RARE, DemoData, load_demo_data
from ganaug.cli.demo.digits import LEFT, RARE_DIGIT, make_digits
from ganaug.cli.demo.results import DemoRun, Difference, Scores
from ganaug.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

DEMO_FOLDS, DEMO_REPEATS = 5, 2
BASELINE, OURS = "no augmentation", "ganaug"
DEMO_METHODS = (BASELINE, "random duplication", "SMOTE", OURS)
DEMO_METRICS = ("balanced accuracy", "macro F1", "average precision")
LINE_WIDTH = 98
"""Characters in a line of text: the width of the table."""


def run_demo(
    folder: Path, *, seed: int = 0, max_steps: int | None = None, progress: bool = True
) -> None:
    """Run the comparison, print it, and save pictures and results.

    Parameters
    ----------
    folder : Path
        Created if it does not exist. It gets ``real-and-synthetic.png``, ``training.png``,
        ``digits.png`` and ``results.json``.
    seed : int
    max_steps : int or None
        Training steps of each GAN, None for the default.
    progress : bool
        Show a bar on standard error.

    Raises
    ------
    ConfigError
        If matplotlib is missing or the folder cannot be made.
    """
    pictures = _pictures()
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file; name a folder by --output.")
    folder.mkdir(parents=True, exist_ok=True)
    data = load_demo_data(seed)
    typer.echo(introduction(data))
    run = compare_methods(data, seed, max_steps, progress)
    differences = {
        method: {
            metric: paired_interval(
                run.scores[method][metric], run.scores[BASELINE][metric], run.test_share
            )
            for metric in DEMO_METRICS
        }
        for method in DEMO_METHODS[1:]
    }
    typer.echo(table(run.scores, differences))
    for metric in DEMO_METRICS:
        sentence = conclusion(metric, {m: differences[m][metric] for m in DEMO_METHODS[1:]})
        typer.echo(textwrap.fill(sentence, LINE_WIDTH, subsequent_indent="    "))
    pictures.draw_rows(folder / "real-and-synthetic.png", data, run, seed)
    pictures.draw_training(folder / "training.png", run)
    _save(folder / "results.json", data, run, differences, seed)
    typer.echo(f"\nImages too: scikit-learn's digits, with {LEFT} images of a {RARE_DIGIT} left.")
    pictures.draw_digits(folder / "digits.png", make_digits(seed, max_steps))
    typer.echo(
        f"Saved real-and-synthetic.png, training.png, digits.png and results.json in {folder}/"
    )


def _pictures() -> Any:
    """Return the module that draws; raise `ConfigError`, before any work, without matplotlib."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        raise ConfigError(
            "the demo draws with matplotlib, which is missing: pip install 'ganaug[report]'"
        ) from None
    from ganaug.cli.demo import pictures

    return pictures


def introduction(data: DemoData) -> str:
    """Return the text about the data and about how the methods are compared."""
    rare, common = int((data.y == RARE).sum()), int((data.y == COMMON).sum())
    one_in = round((rare + common) / rare)
    return (
        f"Data: the breast cancer table of scikit-learn, {data.X.shape[1]} measurements a biopsy.\n"
        f"Made imbalanced: {len(data.removed)} of the {rare + len(data.removed)} {RARE} rows were "
        f"removed at random.\nLeft: {common} {COMMON} and {rare} {RARE} rows.\n\n"
        f"Each method balances the training rows only; logistic regression is then tested on real\n"
        f"rows that no method has seen: {DEMO_REPEATS} x {DEMO_FOLDS} stratified folds, the same "
        f"for all.\n"
        f"The removed rows serve as further test rows, weighted so that the {RARE} share stays\n"
        f"1 in {one_in}; no method sees them while training.\n"
    )


def compare_methods(data: DemoData, seed: int, max_steps: int | None, progress: bool) -> DemoRun:
    """Score every method on every fold.

    Parameters
    ----------
    data : DemoData
    seed : int
    max_steps : int or None
    progress : bool

    Returns
    -------
    DemoRun
    """
    from sklearn.model_selection import RepeatedStratifiedKFold
    from tqdm import tqdm

    splits = RepeatedStratifiedKFold(n_splits=DEMO_FOLDS, n_repeats=DEMO_REPEATS, random_state=seed)
    run = DemoRun(
        {method: {m: [] for m in DEMO_METRICS} for method in DEMO_METHODS}, _test_share(data)
    )
    folds = list(splits.split(data.X, data.y))
    bar = tqdm(folds, desc="folds", disable=not progress)
    for number, (train, fold) in enumerate(bar):
        X_train, y_train = data.X.iloc[train], data.y.iloc[train]
        X_test, y_test, weights = data.test_set(fold)
        run.folds.append(_counts(data, y_train, y_test, weights))
        for method, model in models(seed + number, max_steps):
            model.fit(X_train, y_train)
            for metric, score in _score(model, X_test, y_test, weights).items():
                run.scores[method][metric].append(score)
            if method == OURS and number == 0:
                run.scaler, run.augmenter = model[0], model[1]
                run.train, run.labels = X_train, y_train.to_numpy()
    return run


def _test_share(data: DemoData) -> float:
    """Return how many test rows there are to a training row, on average over the folds."""
    # The removed rows count in full. The larger the test set, the more of the spread between folds
    # comes from training, on rows that the folds share and that therefore do not average out. The
    # removed rows are the same in every fold too, so the spread does not show their chance.
    # For both reasons the correction has to be larger than 1 / (DEMO_FOLDS - 1), that of a plain
    # cross-validation, which would give intervals that are too narrow.
    rows = len(data.X)
    return (rows / DEMO_FOLDS + len(data.removed)) / (rows - rows / DEMO_FOLDS)


def _counts(
    data: DemoData, y_train: pd.Series, y_test: pd.Series, weights: NDArray[np.float64]
) -> dict[str, Any]:
    """Return the entry of one fold in results.json."""
    rare = (y_test == RARE).to_numpy()
    return {
        "train": y_train.value_counts().to_dict(),
        "test": y_test.value_counts().to_dict(),
        "test_rows_from_removed": int(y_test.index.isin(data.removed.index).sum()),
        f"weight_of_{RARE}_test_rows": float(weights[rare][0]),
        f"weighted_{RARE}_share": float(weights[rare].sum() / weights.sum()),
    }


def models(seed: int, max_steps: int | None) -> Iterator[tuple[str, Any]]:
    """Yield each method's name and its pipeline; they differ in the sampler only."""
    from imblearn.over_sampling import SMOTE, RandomOverSampler
    from imblearn.pipeline import make_pipeline
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    from ganaug.augmenter import GANAugmenter

    samplers = (
        "passthrough",
        RandomOverSampler(random_state=seed),
        SMOTE(random_state=seed),
        GANAugmenter(max_steps="auto" if max_steps is None else max_steps, random_state=seed),
    )
    for method, sampler in zip(DEMO_METHODS, samplers, strict=True):
        yield method, make_pipeline(StandardScaler(), sampler, LogisticRegression(max_iter=1000))


def _score(
    model: Any, X: pd.DataFrame, y: pd.Series, weights: NDArray[np.float64]
) -> dict[str, float]:
    from sklearn.metrics import average_precision_score, balanced_accuracy_score, f1_score

    predicted, scores = model.predict(X), model.decision_function(X)
    sign = 1 if model.classes_[1] == RARE else -1
    values = (
        balanced_accuracy_score(y, predicted, sample_weight=weights),
        f1_score(y, predicted, average="macro", sample_weight=weights),
        average_precision_score(y == RARE, sign * scores, sample_weight=weights),
    )
    return dict(zip(DEMO_METRICS, map(float, values), strict=True))


def paired_interval(
    scores: list[float], baseline: list[float], test_share: float, level: float = 0.95
) -> Difference:
    """Return the mean difference with the corrected resampled t interval.

    Folds share training rows, so the plain t interval is too narrow; the variance is raised by
    the ratio of test to training rows (Nadeau and Bengio 2003).

    Parameters
    ----------
    scores, baseline : list of float
        One score a fold, the same folds.
    test_share : float
        Test rows divided by training rows.
    level : float, default=0.95

    Returns
    -------
    Difference

    Examples
    --------
    >>> from ganaug.cli.demo.run import paired_interval
    >>> str(paired_interval([0.8, 0.9, 0.85], [0.8, 0.8, 0.8], test_share=0.5))
    '+0.050 [-0.146, +0.246]'
    """
    from scipy.stats import t

    from ganaug.choose.dose import standard_error

    differences = np.asarray(scores) - np.asarray(baseline)
    n = len(differences)
    error = standard_error(differences, 1 / n + test_share)
    half = float(t.ppf((1 + level) / 2, n - 1)) * error
    mean = float(differences.mean())
    return Difference(mean, mean - half, mean + half)


def table(scores: Scores, differences: dict[str, dict[str, Difference]]) -> str:
    """Return the mean scores and the differences from doing nothing, as aligned text."""
    lines = [f"{'mean over the folds':<20}" + "".join(f"{metric:>26}" for metric in DEMO_METRICS)]
    for method in DEMO_METHODS:
        means = [f"{np.mean(scores[method][metric]):>26.3f}" for metric in DEMO_METRICS]
        lines.append(f"{method:<20}" + "".join(means))
    lines += ["", f"{'minus ' + BASELINE}, with a 95% confidence interval:"]
    for method in DEMO_METHODS[1:]:
        cells = [f"{differences[method][metric]!s:>26}" for metric in DEMO_METRICS]
        lines.append(f"{method:<20}" + "".join(cells))
    lines += [
        "",
        "Intervals: paired by fold, corrected resampled t (Nadeau and Bengio 2003).",
        f"They compare each method with {BASELINE}, not the methods with one another.",
        "",
    ]
    return "\n".join(lines)


def conclusion(metric: str, differences: dict[str, Difference]) -> str:
    """Return one sentence: which method is ahead, and whether the interval excludes 0."""
    best = max(differences, key=lambda method: differences[method].mean)
    lead = differences[best]
    if lead.mean > 0:
        start = f"By {metric}, {best} is ahead: {lead} over doing nothing"
    else:
        start = f"By {metric}, doing nothing is ahead; the nearest is {best} with {lead}"
    if lead.excludes_zero:
        return f"{start}, and the interval excludes 0."
    return f"{start}, but the interval includes 0, so it may be chance."


def _save(
    path: Path,
    data: DemoData,
    run: DemoRun,
    differences: dict[str, dict[str, Difference]],
    seed: int,
) -> None:
    from ganaug.version import __version__

    document = {
        "ganaug": __version__,
        "seed": seed,
        "data": {
            "name": "breast cancer (scikit-learn)",
            "rows": data.y.value_counts().to_dict(),
            "removed": {RARE: len(data.removed)},
        },
        "folds": {"splits": DEMO_FOLDS, "repeats": DEMO_REPEATS, "rows": run.folds},
        "test_share": run.test_share,
        "interval": "corrected resampled t (Nadeau and Bengio 2003), 95%, minus " + BASELINE,
        "scores": run.scores,
        "differences": {
            method: {m: {"mean": d.mean, "low": d.low, "high": d.high} for m, d in row.items()}
            for method, row in differences.items()
        },
    }
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
