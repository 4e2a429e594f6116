"""Rebalance inside a plain scikit-learn pipeline, and compare with the two baselines to beat.

The rare class is the tenth of diabetes patients that got worst within a year. All methods see
the same folds, and synthetic rows never reach a test fold.

Run: python examples/sklearn_pipeline.py [folder]
"""

import sys
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, TunedThresholdClassifierCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ganaug import AugmentedClassifier, GANAugmenter

X, progression = load_diabetes(return_X_y=True, as_frame=True)
y = (progression > progression.quantile(0.9)).astype(int)
print(f"{len(X)} patients, {y.sum()} of them in the rare class")

plain = make_pipeline(StandardScaler(), LogisticRegression())
models = {
    "nothing": plain,
    "class_weight": make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced")),
    "tuned threshold": TunedThresholdClassifierCV(plain, scoring="balanced_accuracy", cv=3),
    "ganaug": make_pipeline(
        StandardScaler(),
        AugmentedClassifier(LogisticRegression(), GANAugmenter(random_state=0)),
    ),
}
scoring = ["balanced_accuracy", "average_precision"]
folds = StratifiedKFold(3, shuffle=True, random_state=0)
scores = {
    name: pd.DataFrame(cross_validate(model, X, y, cv=folds, scoring=scoring))
    for name, model in models.items()
}
columns = {
    "test_balanced_accuracy": "balanced accuracy",
    "test_average_precision": "avg. precision",
}
means = pd.DataFrame({name: s[list(columns)].mean() for name, s in scores.items()}).T
spread = pd.DataFrame({name: s[list(columns)].std() for name, s in scores.items()}).T
table = means.round(3).astype(str) + " ± " + spread.round(3).astype(str)
print(table.rename(columns=columns).to_string())
# A difference smaller than the spread over the folds is no reason to prefer a method: the simpler
# one, class_weight or a tuned threshold, is then the better choice.
best = means["test_balanced_accuracy"].drop("ganaug").idxmax()
gain = scores["ganaug"]["test_balanced_accuracy"] - scores[best]["test_balanced_accuracy"]
print(f"\nganaug minus {best}, fold by fold: {gain.round(3).tolist()}")

figure = Figure(figsize=(8, 2.4), layout="constrained")
for axes, (key, title) in zip(figure.subplots(1, 2, sharey=True), columns.items(), strict=True):
    for row, (name, score) in enumerate(scores.items()):
        axes.plot(score[key], [name] * len(score), "o", color=f"C{row}", alpha=0.6)
        axes.plot(score[key].mean(), name, "|k", markersize=18)
    axes.set(title=title, ylim=(len(scores) - 0.5, -0.5))
path = Path(sys.argv[1] if len(sys.argv) > 1 else ".", "scores.png")
figure.savefig(path, dpi=120)
print("saved", path)
