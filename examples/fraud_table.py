"""Find a few frauds among thousands of payments, and see what each remedy costs in false alarms.

Give it a table with a column ``label`` (1 is fraud) as CSV; without one it takes the tumours that
scikit-learn ships, 20 of them malignant. Class weights and a tuned threshold change no data.

Run: python examples/fraud_table.py [folder] [credit_card_subset.csv]
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE
from matplotlib.figure import Figure
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ganaug import AugmentedClassifier, GANAugmenter

if len(sys.argv) > 2:
    X = pd.read_csv(sys.argv[2])
    y = X.pop("label").to_numpy()
else:
    X, benign = load_breast_cancer(return_X_y=True, as_frame=True)
    kept = np.r_[np.flatnonzero(benign == 1), np.flatnonzero(benign == 0)[:20]]
    X, y = X.iloc[kept], 1 - benign.to_numpy()[kept]
print(f"{y.sum()} rare rows among {len(y):,}")

plain = LogisticRegression(max_iter=500)
models = {
    "nothing": plain,
    "class weights": LogisticRegression(class_weight="balanced", max_iter=500),
    "tuned threshold": TunedThresholdClassifierCV(plain, scoring="balanced_accuracy", cv=3),
    "SMOTE": AugmentedClassifier(plain, SMOTE(random_state=0)),
    "ganaug": AugmentedClassifier(plain, GANAugmenter(random_state=0)),
}
folds = list(StratifiedKFold(3, shuffle=True, random_state=0).split(X, y))
found, alarms, precision = {}, {}, {}
for name, model in models.items():
    said, ranked = np.zeros(len(y), int), []  # test folds are real, and the same for all
    for train, test in folds:
        fitted = make_pipeline(StandardScaler(), model).fit(X.iloc[train], y[train])
        said[test] = fitted.predict(X.iloc[test])
        chance = fitted.predict_proba(X.iloc[test])[:, 1]
        ranked += [average_precision_score(y[test], chance)]
    found[name], alarms[name], precision[name] = said[y == 1].sum(), said[y == 0].sum(), ranked
    print(f"{name:16} found {found[name]:3} of {y.sum()}, {alarms[name]:5,} false alarms", end=", ")
    print(f"average precision {np.mean(ranked):.3f} (folds {np.round(ranked, 2).tolist()})")
print("More found for more alarms; a method is better only if it is so at the same number of them.")
left, right = (figure := Figure(figsize=(8.5, 3), layout="constrained")).subplots(1, 2)
for name, mark in zip(models, "os^Dv", strict=True):
    left.plot(alarms[name] + 1, found[name], mark, label=name, alpha=0.8)
    right.plot(precision[name], [name] * 3, mark, alpha=0.7)
left.set(xscale="log", xlabel="false alarms + 1", ylabel=f"found, of {y.sum()}")
left.legend(fontsize=8)
right.set(xlabel="average precision, three folds", ylim=(len(models) - 0.5, -0.5))
path = Path(sys.argv[1] if len(sys.argv) > 1 else ".", "fraud.png")
figure.savefig(path, dpi=100)
print("saved", path)
