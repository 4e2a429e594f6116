"""Put the augmenter into an imbalanced-learn pipeline, as you would SMOTE.

Malignant tumours are thinned to 30 in the training data, all benign ones stay. The pipeline
augments while fitting and does nothing while predicting.

Run: python examples/imblearn_pipeline.py [folder]
"""

import sys
from pathlib import Path

import numpy as np
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline
from matplotlib.figure import Figure
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from ganaug import GANAugmenter

data = load_breast_cancer(as_frame=True)
X = data.data.filter(like="mean")
y = data.target.map({0: "malignant", 1: "benign"})
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, stratify=y, random_state=0)
rng = np.random.default_rng(0)
malignant = np.flatnonzero(y_train == "malignant")
drop = rng.choice(malignant, len(malignant) - 30, replace=False)
keep = np.setdiff1d(np.arange(len(y_train)), drop)
X_train, y_train = X_train.iloc[keep], y_train.iloc[keep]
print("training rows:", y_train.value_counts().to_dict())

for sampler in (
    "passthrough",
    SMOTE(random_state=0),
    GANAugmenter(random_state=0),
    GANAugmenter(sampling_strategy={"malignant": 100}, random_state=0),
):
    model = make_pipeline(StandardScaler(), sampler, KNeighborsClassifier())
    model.fit(X_train, y_train)
    report = classification_report(y_test, model.predict(X_test), output_dict=True)
    recalls = {kind: round(report[kind]["recall"], 3) for kind in ("benign", "malignant")}
    print(f"{sampler!s:75} recall {recalls}")

augmenter = model.steps[1][1]
print("More malignant tumours found, for more false alarms: no sampler gives one without the other")
print("rows added by the last one:", dict(augmenter.sampling_strategy_))
print("how each class is made:", augmenter.plan_)

X_res, y_res = GANAugmenter(random_state=0).fit_resample(X_train, y_train)
real = np.arange(len(X_res)) < len(X_train)  # the original rows come first
columns = ["mean radius", "mean texture"]
kinds = np.where(real, y_res, "malignant, synthetic")
figure = Figure(figsize=(5, 3.6), layout="constrained")
axes = figure.subplots()
for kind, color in {"benign": "0.7", kinds[-1]: "tab:orange", "malignant": "black"}.items():
    axes.scatter(*X_res.loc[kinds == kind, columns].T.to_numpy(), 9, color, label=kind)
axes.set(xlabel=columns[0], ylabel=columns[1])
axes.legend()
path = Path(sys.argv[1] if len(sys.argv) > 1 else ".", "tumours.png")
figure.savefig(path, dpi=120)
print("saved", path)
