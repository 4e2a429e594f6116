"""Balance a table of integers, decimals, categories, dates and missing values.

scikit-learn ships no such table, so this one takes real measurements (the diabetes data), turns the
sex codes into words, and makes up a date of admission and some missing values.

Run: python examples/mixed_table.py [folder]
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.datasets import load_diabetes

from ganaug import GANAugmenter

data = load_diabetes(as_frame=True, scaled=False)
rng = np.random.default_rng(0)
days = pd.to_timedelta(rng.integers(0, 365, len(data.data)), unit="D")
X = pd.DataFrame(
    {
        "age": data.data["age"].astype(int),
        "sex": data.data["sex"].map({1.0: "a", 2.0: "b"}).astype("category"),
        "bmi": data.data["bmi"],
        "sugar": data.data["s6"].astype("Int64"),
        "admitted": pd.Timestamp("2024-01-01") + days,
    }
)
X.loc[rng.random(len(X)) < 0.15, "sugar"] = pd.NA
y = pd.Series(np.where(data.target > data.target.quantile(0.9), "worse", "stable"), name="outcome")

augmenter = GANAugmenter(random_state=0)
X_res, y_res = augmenter.fit_resample(X, y)

new = augmenter.synthetic_mask_
print("classes before:", y.value_counts().to_dict(), " after:", y_res.value_counts().to_dict())
print("original rows untouched:", X_res[~new].equals(X) and y_res[~new].equals(y))
print("dtypes kept:", X_res.dtypes.equals(X.dtypes))

rare = X[y == "worse"]
summary = {
    "mean age": (rare["age"].mean(), X_res[new]["age"].mean()),
    "mean bmi": (rare["bmi"].mean(), X_res[new]["bmi"].mean()),
    "share of sex b": ((rare["sex"] == "b").mean(), (X_res[new]["sex"] == "b").mean()),
    "share of missing sugar": (rare["sugar"].isna().mean(), X_res[new]["sugar"].isna().mean()),
}
print("\nthe rare class:")
print(pd.DataFrame(summary, index=["real", "synthetic"]).T.round(2).to_string())
print("\nthe first synthetic rows:")
print(X_res[new].head(5).to_string())

figure = Figure(figsize=(9, 2.6), layout="constrained")
for axes, column in zip(figure.subplots(1, 3), ["age", "bmi", "sugar"], strict=True):
    both = [rows[column].dropna().astype(float) for rows in (rare, X_res[new])]
    axes.hist(both, bins=12, density=True)
    axes.set(xlabel=column, yticks=[])
figure.legend(["real", "synthetic"], loc="outside right")
path = Path(sys.argv[1] if len(sys.argv) > 1 else ".", "worse.png")
figure.savefig(path, dpi=120)
print("saved", path)
