"""Search over the classifier and the dose; the cache trains each GAN once.

GridSearchCV fits a fresh copy of everything for each candidate. ``memory=`` keeps the augmented
training folds, so that candidates that differ only in the classifier share them.

Run: python examples/grid_search.py [folder]
"""

import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ganaug import AugmentedClassifier, GANAugmenter

X, progression = load_diabetes(return_X_y=True, as_frame=True)
y = (progression > progression.quantile(0.9)).astype(int)

grid = {
    "augmentedclassifier__estimator__C": [0.01, 0.1, 1.0],
    "augmentedclassifier__dose": [0.0, 1.0],  # 0 is "do not augment": let the data choose
}
folds = StratifiedKFold(2, shuffle=True, random_state=0)


def search(memory: str | None) -> tuple[GridSearchCV, float]:
    """Return the fitted search and its seconds."""
    classifier = AugmentedClassifier(
        LogisticRegression(),
        # A fixed random_state: the cache can only know work that is repeatable.
        GANAugmenter(max_steps=60, random_state=0),
        memory=memory,
    )
    pipeline = make_pipeline(StandardScaler(), classifier)
    start = time.perf_counter()
    found = GridSearchCV(pipeline, grid, cv=folds, scoring="average_precision").fit(X, y)
    return found, time.perf_counter() - start


without, seconds = search(None)
print(f"without memory: {seconds:.1f} s, best {without.best_params_}")
with tempfile.TemporaryDirectory() as folder:
    cached, seconds = search(folder)
    print(f"with memory:    {seconds:.1f} s, best {cached.best_params_}")

same = (without.cv_results_["mean_test_score"] == cached.cv_results_["mean_test_score"]).all()
print("same scores:", bool(same))
names = {f"param_{key}": key.split("__")[-1] for key in grid}
results = pd.DataFrame(cached.cv_results_).rename(columns=names)
print(results[[*names.values(), "mean_test_score"]].round(3).to_string())

curves = results.pivot(index="C", columns="dose", values="mean_test_score")
axes = curves.plot(figsize=(5, 3.2), marker="o", logx=True, ylabel="average precision")
path = Path(sys.argv[1] if len(sys.argv) > 1 else ".", "search.png")
axes.figure.savefig(path, dpi=120, bbox_inches="tight")
print("saved", path)
