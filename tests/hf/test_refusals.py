"""What cannot be augmented is refused by name, before training."""

from __future__ import annotations

import io
from typing import Any

import pytest

pytest.importorskip("datasets", reason="Hugging Face datasets need the extra 'hf'")
import datasets
from datasets import Array2D, Dataset, DatasetDict, Features, Image, List, Value
from PIL import Image as PILImage

from ganaug import GANAugmenter, GanaugWarning, ImageOptions
from ganaug.errors import (
    ConfigError,
    InvalidInputError,
    InvalidTypeError,
    MemoryBudgetError,
    SchemaDriftError,
)
from ganaug.hf import augment_dataset
from tests.hf.support import QUICK, augmented, image_dataset

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")


def refused(match: str, error: type[Exception], ds: Any, **options: Any) -> None:
    augmenter = options.pop("augmenter", None)
    with pytest.raises(error, match=match):
        augmented(ds, augmenter, **options)


UNLEARNABLE = {
    "sound": (datasets.Audio(), None),
    "nested": ({"a": Value("int64")}, {"a": 1}),
    "words": (List(Value("string")), ["a", "b"]),
    "grid": (Array2D((2, 2), "float32"), [[1, 2], [3, 4]]),
    "raw": (Value("binary"), b"abc"),
}


@pytest.mark.parametrize("name", UNLEARNABLE)
def test_what_cannot_be_synthesised_is_refused_by_name_or_left_out(name, table):
    feature, value = UNLEARNABLE[name]
    features = Features({"amount": Value("float64"), name: feature, "label": Value("int64")})
    rows = {
        "amount": list(range(40)),
        name: [value] * 40,
        "label": [int(i > 27) for i in range(40)],
    }
    ds = Dataset.from_dict(rows, features=features)
    refused(rf"'{name}' is .*feature_columns=\['amount'\]", InvalidTypeError, ds)
    result = augmented(ds, feature_columns=["amount"])
    assert result.features[name] == features[name]
    plain = result.cast_column(name, datasets.Audio(decode=False)) if name == "sound" else result
    assert plain[-1][name] is None or set(plain[-1][name].values()) == {None}
    refused(
        rf"no values for the columns \['{name}'\]",
        InvalidInputError,
        ds,
        feature_columns=["amount"],
        other_columns="raise",
    )


def test_text_is_refused_and_few_categories_are_not(table):
    refused(r"'note' is text \(40 different values in 40 rows", InvalidTypeError, table)
    long = table.map(lambda row: {"note": "word " * 40})
    refused("200 characters on average", InvalidTypeError, long)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"label_column": "lable"}, InvalidInputError, "no column 'lable'; did you mean 'label'"),
        ({"feature_columns": ["amout"]}, InvalidInputError, "did you mean 'amount'"),
        ({"feature_columns": "amount"}, ConfigError, "must be a list of names"),
        ({"feature_columns": ["amount", "label"]}, ConfigError, "not the label"),
        ({"image_column": "amount"}, InvalidTypeError, r"'amount' is Value\('float32'\)"),
        ({"image_column": "amount", "feature_columns": []}, ConfigError, "learned alone"),
        ({"synthetic_column": "kind"}, InvalidInputError, "has a column 'kind' already"),
        ({"other_columns": "nul"}, ConfigError, "did you mean 'null'"),
        ({"rows_per_class": 0}, ConfigError, "rows_per_class"),
        ({"seed": -1}, ConfigError, "random_state"),
        ({"augmenter": "auto"}, InvalidTypeError, "must be a GANAugmenter"),
        ({"augmenter": GANAugmenter(mode="replace")}, ConfigError, 'mode="append"'),
    ],
)
def test_impossible_options_are_refused_with_the_way_out(options, error, match, table):
    refused(match, error, table, **options)


def test_other_objects_than_datasets_are_refused(table):
    refused("ds must be a Dataset", InvalidTypeError, table.to_pandas())


def test_labels_that_are_no_classes_are_refused(table):
    refused(
        "Unknown label type: continuous",
        InvalidInputError,
        table,
        label_column="amount",
        feature_columns=["group"],
    )
    nothing = table.map(lambda row: {"label": None})
    refused("no row has a label", InvalidInputError, nothing, feature_columns=["amount"])
    listed = table.map(lambda row: {"many": [1, 2]})
    refused("'many' is List", InvalidTypeError, listed, label_column="many")


def test_a_class_of_one_row_is_refused_before_training(table):
    one = table.select(range(29))
    refused("Class 1 has one row", InvalidInputError, one, feature_columns=["amount"])


def test_a_fitted_augmenter_that_learned_something_else(table, images, fitted, fitted_images):
    refused("no column of images", SchemaDriftError, table, augmenter=fitted_images)
    refused(
        "name their column",
        SchemaDriftError,
        images,
        augmenter=fitted_images,
        feature_columns=["file"],
    )
    refused(
        r"lacks: \['amount'\]", SchemaDriftError, table.remove_columns("amount"), augmenter=fitted
    )
    refused("fitted on a table", SchemaDriftError, images, augmenter=fitted, image_column="image")
    wrong = table.remove_columns("amount").add_column("amount", list(range(40)))
    wrong = wrong.cast_column("kind", Value("string")).rename_columns(
        {"kind": "day", "day": "kind"}
    )
    refused("makes .* values for the column", SchemaDriftError, wrong, augmenter=fitted)
    other = table.map(lambda row: {"label": 1 - row["label"]}).cast_column("label", Value("string"))
    refused(
        "There is no class '0' of type str; there is 0", InvalidInputError, other, augmenter=fitted
    )


def test_images_that_are_not_alike_are_refused_by_row(images):
    def swap(image: PILImage.Image) -> Dataset:
        return image_dataset([*images["image"][:7], image, *images["image"][8:]])

    refused(
        "row 7 of column 'image' has mode 'RGB', but that in row 0 has mode 'L'.*cast_column",
        InvalidInputError,
        swap(PILImage.new("RGB", (8, 8))),
    )
    refused(
        "row 7 of column 'image' is 9x8, but that in row 0 is 8x8.*resize",
        InvalidInputError,
        swap(PILImage.new("L", (8, 9))),
    )
    lab = image_dataset([image.convert("RGB").convert("LAB") for image in images["image"]])
    refused("'LAB', which cannot be learned", InvalidInputError, lab)
    sized = swap(PILImage.new("L", (8, 9)))
    options = ImageOptions(resize=8)
    assert len(augmented(sized, GANAugmenter(image_options=options, **QUICK))) == 32


def test_images_beyond_the_budget_are_refused_before_they_are_decoded(images):
    augmenter = GANAugmenter(memory_budget="10KB", **QUICK)
    refused(
        r"The images to learn \(rows_per_class\) need about",
        MemoryBudgetError,
        images,
        augmenter=augmenter,
    )
    few = GANAugmenter(memory_budget="20KB", **QUICK)
    assert len(augmented(images, few, rows_per_class=10)) == 32


def test_an_image_that_cannot_be_read_is_named(images, tmp_path):
    file = io.BytesIO()
    PILImage.new("L", (64, 64)).save(file, "PNG")
    broken = {"bytes": file.getvalue()[:60], "path": "scan.png"}
    ds = image_dataset([*images["image"][:7], broken, *images["image"][8:]])
    refused(r"row 7 of column 'image' \(scan.png\) cannot be read", InvalidInputError, ds)


def test_two_columns_of_images_must_be_told_apart(images):
    ds = images.add_column(
        "mask", images.cast_column("image", Image(decode=False))["image"][:], feature=Image()
    )
    refused("'image', 'mask': name the one", InvalidInputError, ds)


def test_warnings_of_the_augmenter_point_at_the_caller(table):
    small = table.select([*range(20), 30, 31])
    with pytest.warns(GanaugWarning, match="Class 1 has only 2 rows") as caught:
        augment_dataset(
            small, GANAugmenter(**QUICK), label_column="label", feature_columns=["amount"]
        )
    assert caught[0].filename == __file__


def test_a_mark_that_another_split_has_taken_is_refused_before_training(table):
    parts = DatasetDict(train=table, test=table.add_column("is_synthetic", [False] * len(table)))
    with pytest.raises(ConfigError, match=r"split 'test' has a column"):
        augmented(parts, GANAugmenter(max_steps=10**6))
