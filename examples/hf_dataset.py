"""Balance a Parquet file of images with Hugging Face datasets, as a whole and as a stream.

A short training keeps this quick: leave out max_steps for your own data.
Run: python examples/hf_dataset.py [folder]
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from datasets import ClassLabel, Dataset, Features, Image, disable_progress_bars, load_dataset
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

from ganaug import GANAugmenter
from ganaug.hf import augment_dataset

disable_progress_bars()
names, folder = {3: "three", 5: "five", 8: "eight"}, Path(tempfile.mkdtemp())
seen, rows = Counter(), {"image": [], "label": []}
for pixels, digit in zip(*load_digits(return_X_y=True), strict=True):
    seen[name := names.get(digit)] += 1
    if name and (name != "eight" or seen[name] <= 20):
        rows["image"].append(np.uint8(pixels.reshape(8, 8) * 255 / 16))
        rows["label"].append(name)
features = Features(image=Image(), label=ClassLabel(names=list(names.values())))
Dataset.from_dict(rows, features=features).to_parquet(folder / "train.parquet")


def load(**options):
    """Open the file as if it came from elsewhere."""
    path = str(folder / "train.parquet")
    return load_dataset("parquet", data_files=path, split="train", cache_dir=str(folder), **options)


def count(dataset):
    """Return the number of images of each class."""
    numbers = Counter(dataset["label"])
    return {name: numbers[i] for i, name in enumerate(dataset.features["label"].names)}


# The five lines that matter.
ds = load()
augmenter = GANAugmenter(max_steps=150, random_state=0)
balanced = augment_dataset(ds, augmenter, label_column="label")
stream = augment_dataset(load(streaming=True), augmenter, label_column="label")  # fitted already

print("real:", count(ds), "balanced:", count(balanced))
same = balanced.select(range(len(ds))).remove_columns("is_synthetic")
print("original rows untouched:", same.with_format("arrow")[:] == ds.with_format("arrow")[:])
marks = [row["is_synthetic"] for row in stream.select_columns("is_synthetic")]
print("streamed:", len(marks), "rows,", sum(marks), "of them synthetic")

eights = balanced.filter(lambda label: label == 2, input_columns="label").select(range(60))
figure = Figure(figsize=(10, 2.0), layout="constrained")
figure.suptitle("Eights: the first row is real, the others are synthetic", fontsize=10)
for axes, row in zip(figure.subplots(3, 20).flat, eights, strict=True):
    axes.imshow(row["image"], cmap="gray_r")
    axes.axis("off")
path = Path(sys.argv[1] if len(sys.argv) > 1 else ".", "hf-digits.png")
figure.savefig(path, dpi=120)
print("saved", path)
