"""Train once, save, load elsewhere, and ask for exact numbers of rows.

The folder contains encoded training rows of small classes and reference rows: treat it as you
treat the data.

Run: python examples/save_and_sample.py [folder]
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_wine

from ganaug import GANAugmenter

data = load_wine(as_frame=True)
X, y = data.data, data.target.map({0: "barolo", 1: "grignolino", 2: "barbera"})

# On the CPU, where models are loaded: a GPU's generator would draw other rows.
augmenter = GANAugmenter(max_steps=200, device="cpu", random_state=0).fit(X, y)
print("how each class is made:", augmenter.plan_)

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "wine-gan"
    augmenter.save_pretrained(path)
    sizes = {file.name[:6]: file.stat().st_size // 1000 for file in sorted(path.iterdir())}
    print("files, in kB:", sizes)
    loaded = GANAugmenter.from_pretrained(path)

# Exact classes and counts. With a random_state the call is pure ...
X_new, y_new = loaded.sample({"barolo": 3, "barbera": 500}, random_state=1)
print("made:", {str(label): int((y_new == label).sum()) for label in np.unique(y_new)})
again, _ = augmenter.sample({"barolo": 3, "barbera": 500}, random_state=1)
print("the loaded one makes the same rows:", X_new.equals(again))

# ... and more rows begin with the same ones.
ten, _ = loaded.sample({"barbera": 10}, random_state=1)
print("ten of five hundred:", ten.equals(X_new[y_new == "barbera"].head(10).reset_index(drop=True)))

# Without one, each call continues the estimator's stream.
first, _ = loaded.sample({"barbera": 10})
second, _ = loaded.sample({"barbera": 10})
print("two calls differ:", not first.equals(second))
print(X_new.iloc[:3, :5].to_string())

columns = ["color_intensity", "proline"]
figure = Figure(figsize=(5, 3.6), layout="constrained")
axes = figure.subplots()
made, real = X_new[y_new == "barbera"], X[y == "barbera"]
axes.scatter(*made[columns].T.to_numpy(), s=8, color="tab:orange", label="barbera, made")
axes.scatter(*real[columns].T.to_numpy(), s=14, color="black", label="barbera, real")
axes.set(xlabel=columns[0], ylabel=columns[1])
axes.legend()
path = Path(sys.argv[1] if len(sys.argv) > 1 else ".", "wines.png")
figure.savefig(path, dpi=120)
print("saved", path)
