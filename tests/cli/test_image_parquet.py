"""``ganaug`` on Parquet files of images: rows stay, and new ones stand behind."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs the extra cli")
pytest.importorskip("torchvision", reason="images in files need the extra vision")
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from ganaug import GANAugmenter
from ganaug.cli import image_run
from tests.cli.images import NAMES, parquet_table, pictures, png, refused
from tests.cli.tables import QUICK, done

# ------------------------------------------------------------------ Parquet


def test_parquet_rows_stay_and_new_ones_stand_behind(parquet: Path, tmp_path: Path) -> None:
    before, out = parquet.read_bytes(), tmp_path / "balanced.parquet"
    said = done("augment", parquet, "--target", "label", "-o", out, *QUICK).stderr
    assert "class 'eight': 5 synthetic images added" in said
    assert "note: empty in synthetic rows" in said
    assert parquet.read_bytes() == before
    old, new = pq.read_table(parquet), pq.read_table(out)
    assert new.slice(0, 18).equals(old)
    assert new.schema.equals(old.schema)
    metadata = dict(new.schema.metadata)
    assert json.loads(metadata.pop(b"ganaug"))["fingerprint"]
    assert metadata == old.schema.metadata
    assert pq.ParquetFile(out).metadata.row_group(0).num_rows == 7
    rows = new.slice(18).to_pylist()
    assert [row["label"] for row in rows] == [2] * 5
    assert [row["note"] for row in rows] == [None] * 5
    assert rows[0]["image"]["path"] == "eight_synthetic_0001.png"
    assert Image.open(io.BytesIO(rows[0]["image"]["bytes"])).size == (8, 8)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["balanced.parquet", "train.parquet"]


def test_hugging_face_reads_the_result(parquet: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="needs the extra 'hf'")
    out = tmp_path / "balanced.parquet"
    done("augment", parquet, "-t", "label", "-o", out, "--mark", *QUICK)
    read = {"cache_dir": str(tmp_path / "cache")}
    old = datasets.Dataset.from_parquet(str(parquet), **read)
    new = datasets.Dataset.from_parquet(str(out), **read)
    assert new.features["label"].names == NAMES
    assert new.remove_columns("is_synthetic").features == old.features
    assert new["is_synthetic"] == [False] * 18 + [True] * 5
    assert new[20]["image"].mode == "L"
    assert [np.array(x["image"]).tolist() for x in new.select(range(18))] == [
        np.array(x["image"]).tolist() for x in old
    ]


def test_a_parquet_run_continues_and_is_not_overwritten(
    parquet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight, out = tmp_path / "straight.parquet", tmp_path / "out.parquet"
    command = ("augment", parquet, "-t", "label")
    done(*command, "-o", straight, *QUICK)

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(image_run, "png_bytes", stop)
        refused(*command, "-o", out, *QUICK, status=130)
    assert not out.exists()
    with monkeypatch.context() as patch:
        patch.setattr(GANAugmenter, "_learn", stop)
        done(*command, "-o", out, *QUICK)
    assert pq.read_table(out).equals(pq.read_table(straight))
    assert "nothing to do" in done(*command, "-o", out, *QUICK).stderr
    before = out.read_bytes()
    other = (*command, "-o", out, "--max-steps", 1, "--seed", 0)
    assert "--force overwrites" in refused(*other)
    assert out.read_bytes() == before
    done(*other, "--force", "--no-originals")
    assert len(pq.read_table(out)) == 5


def test_parquet_without_class_names_and_other_types(tmp_path: Path) -> None:
    table = parquet_table().replace_schema_metadata(None)
    for values in (["b" if i < 6 else "a" for i in range(18)], [i >= 6 for i in range(18)]):
        label = (
            pa.array(values).dictionary_encode() if isinstance(values[0], str) else pa.array(values)
        )
        path = tmp_path / "plain.parquet"
        pq.write_table(table.set_column(1, "label", label), path)
        out = tmp_path / "out.parquet"
        done("augment", path, "-t", "label", "-o", out, "--force", *QUICK)
        new = pq.read_table(out)
        assert new.column("label").to_pylist()[18:] == [values[0]] * 6
        assert new.schema.field("label").type == label.type


def test_class_names_may_be_anything(tmp_path: Path) -> None:
    """Names of classes with any characters come back as they were."""
    table, path, out = parquet_table(), tmp_path / "odd.parquet", tmp_path / "out.parquet"
    document = json.loads(table.schema.metadata[b"huggingface"])
    names = ["", "..", "a/b"]
    document["info"]["features"]["label"]["names"] = names
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(document)}), path)
    strategy = ("--sampling-strategy", "a/b=8", "--sampling-strategy", "..=12")
    done("augment", path, "-t", "label", "-o", out, *strategy, *QUICK)
    rows = pq.read_table(out).slice(18).to_pylist()
    assert [names[row["label"]] for row in rows] == ["..", "a/b", "a/b"]
    done("fit", path, "-t", "label", "-o", tmp_path / "model", *QUICK)
    done("sample", tmp_path / "model", "-n", "a/b=1", "-n", "..=1", "-o", tmp_path / "new")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["%2E.", "a%2Fb"]


def test_rows_that_cannot_be_completed_are_refused_before_training(tmp_path: Path) -> None:
    table, path, out = parquet_table(), tmp_path / "odd.parquet", tmp_path / "out.parquet"
    must = pa.field("id", pa.int64(), nullable=False)
    pq.write_table(table.append_column(must, pa.array(range(18))), path)
    said = refused("augment", path, "-t", "label", "-o", out, *QUICK)
    assert "Column 'id'" in said
    assert "may not be empty" in said
    pq.write_table(table.append_column("is_synthetic", pa.array([False] * 18)), path)
    said = refused("augment", path, "-t", "label", "-o", out, "--mark", *QUICK)
    assert "already has a column 'is_synthetic'" in said
    assert sorted(file.name for file in tmp_path.iterdir()) == ["odd.parquet"]


def test_parquet_faults_are_one_line(parquet: Path, tmp_path: Path) -> None:
    """What is wrong with a Parquet file of images is said in one line."""
    out = tmp_path / "out.parquet"
    assert "did you mean 'label'" in refused("augment", parquet, "-t", "labl", "-o", out)
    assert "into a Parquet file" in refused("augment", parquet, "-t", "label", "-o", tmp_path / "x")
    assert "is the input file" in refused(
        "augment", parquet, "-t", "label", "-o", parquet, "--force"
    )
    table = pq.read_table(parquet)
    two = tmp_path / "two.parquet"
    pq.write_table(table.append_column("second", table.column("image")), two)
    # Without a word of Hugging Face's on it, the second column is an image by its type.
    assert "choose one by --image" in refused("augment", two, "-t", "label", "-o", out)
    done("augment", two, "-t", "label", "-o", out, "--image", "image", *QUICK)
    images = table.column("image").to_pylist()
    images[3] = {"bytes": images[3]["bytes"][:40], "path": None}
    torn = tmp_path / "torn.parquet"
    column = pa.array(images, table.schema.field("image").type)
    pq.write_table(table.set_column(0, "image", column), torn)
    said = refused("augment", torn, "-t", "label", "-o", tmp_path / "b.parquet", *QUICK)
    assert "torn.parquet row 3 cannot be read" in said
    skip = ("-o", tmp_path / "b.parquet", "--skip-unreadable")
    done("augment", torn, "-t", "label", *skip, *QUICK)
    assert pq.read_table(tmp_path / "b.parquet").slice(0, 18).equals(pq.read_table(torn))


def test_real_digits_from_hugging_face(root: Path, tmp_path: Path) -> None:
    """A file of MNIST as Hugging Face stores it is augmented."""
    shared = root.parent / "shared" / "data" / "images" / "mnist_imbalanced_train.parquet"
    if not shared.is_file():
        pytest.skip(f"there is no {shared}")
    table = pq.read_table(shared)
    small = tmp_path / "small.parquet"
    pq.write_table(table.slice(0, 300), small)
    out = tmp_path / "out.parquet"
    said = refused("augment", small, "-t", "label", "-o", out, *QUICK)
    assert "Class '7' has one row" in said
    assert "--on-singleton duplicate" in said
    assert "writing images" not in said
    done("augment", small, "-t", "label", "-o", out, "--on-singleton", "duplicate", *QUICK)
    new = pq.read_table(out)
    assert new.slice(0, 300).equals(table.slice(0, 300))
    counts = Counter(new.column("label").to_pylist())
    assert len(set(counts.values())) == 1


# ------------------------------------------------------------------ fit, sample, report


def test_a_model_is_fitted_on_parquet(parquet: Path, tmp_path: Path) -> None:
    done("fit", parquet, "-t", "label", "-o", tmp_path / "model", *QUICK)
    classes = GANAugmenter.from_pretrained(tmp_path / "model").classes_.tolist()
    assert classes == ["eight", "one"]


def named_parquet(path: Path, names: dict[int, str]) -> None:
    """Write a Parquet file of which some rows have the path of an image only."""
    table = parquet_table()
    rows = table.column("image").to_pylist()
    for row, name in names.items():
        rows[row] = {"bytes": None, "path": name}
    images = pa.array(rows, table.schema.field("image").type)
    pq.write_table(table.set_column(0, table.schema.field("image"), images), path)


@pytest.mark.parametrize(
    "name", ["{outside}", "../outside.png", "a/../../outside.png", "C:\\x.png"]
)
def test_paths_out_of_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside.png"
    home.mkdir()
    outside.write_bytes(png(pictures(8, 1)[0]))
    named_parquet(home / "t.parquet", {17: name.format(outside=outside)})  # a row without a class
    for options in ((), ("--skip-unreadable",)):
        out = ("-t", "label", "-o", tmp_path / "out.parquet", *options, *QUICK)
        said = refused("augment", home / "t.parquet", *out)
        assert "row 17 names an image outside its folder" in said
    assert not list(tmp_path.glob("out.*"))


def test_named_images_are_read_embedded_elsewhere_and_watched(tmp_path: Path) -> None:
    home, away = tmp_path / "home", tmp_path / "away"
    (home / "deep").mkdir(parents=True)
    away.mkdir()
    file = home / "deep" / "0.png"
    file.write_bytes(png(pictures(8, 1)[0]))
    named_parquet(home / "t.parquet", {0: "deep/0.png"})
    command = ("augment", home / "t.parquet", "-t", "label", *QUICK)
    done(*command, "-o", home / "near.parquet")
    assert (
        pq.read_table(home / "near.parquet").slice(0, 18).equals(pq.read_table(home / "t.parquet"))
    )
    done(*command, "-o", away / "far.parquet")
    image = pq.read_table(away / "far.parquet").column("image")[0].as_py()
    assert image == {"bytes": file.read_bytes(), "path": "deep/0.png"}
    assert "nothing to do" in done(*command, "-o", away / "far.parquet").stderr
    file.write_bytes(png(pictures(8, 2)[1]))
    assert "--force overwrites" in refused(*command, "-o", away / "far.parquet")
