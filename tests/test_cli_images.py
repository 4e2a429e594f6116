"""The command line on images: folders and Parquet files, and runs that were killed."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

pytest.importorskip("typer", reason="the command line needs the extra cli")
pytest.importorskip("torchvision", reason="images in files need the extra vision")

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from ganaug import GANAugmenter
from ganaug.cli import image_run
from ganaug.cli import images as cli_images
from ganaug.cli.app import app
from ganaug.cli.files import image_names
from ganaug.vision import load_images

QUICK = ("--max-steps", "2", "--seed", "0")
COUNTS = {"eight": 6, "one": 12}


def call(*arguments: Any) -> Any:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def done(*arguments: Any) -> Any:
    result = call(*arguments)
    assert result.exit_code == 0, result.stderr
    return result


def refused(*arguments: Any, status: int = 1) -> str:
    result = call(*arguments)
    assert result.exit_code == status, (result.stderr, result.exception)
    assert "unexpected" not in result.stderr
    return str(result.stderr)


def pictures(digit: int, n: int) -> Any:
    pixels, digits = load_digits(return_X_y=True)
    return (pixels[digits == digit][:n] * 15.9).astype(np.uint8).reshape(-1, 8, 8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of digits, PNG and JPEG, one of them deeper, and a note."""
    path = tmp_path / "train"
    for name, digit in (("eight", 8), ("one", 1)):
        (path / name / "more").mkdir(parents=True)
        for i, image in enumerate(pictures(digit, COUNTS[name])):
            where = path / name / ("more" if i == 3 else ".")
            Image.fromarray(image).save(where / f"{i}.{'jpg' if i % 2 else 'png'}")
    (path / "notes.txt").write_text("not an image")
    (path / ".cache").mkdir()
    return path


def png(image: Any, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, form)
    return buffer.getvalue()


NAMES = ["zero", "one", "eight"]


def parquet_table(**extra: Any) -> Any:
    """Return images as Hugging Face stores them: class names, one row without a class."""
    rows = [(2, image) for image in pictures(8, 6)] + [(1, image) for image in pictures(1, 12)]
    labels = [label for label, _ in rows]
    labels[-1] = -1
    images = [
        {"bytes": png(image, "JPEG" if i % 3 == 0 else "PNG"), "path": f"{i}.png"}
        for i, (_, image) in enumerate(rows)
    ]
    features: dict[str, Any] = {
        "image": {"_type": "Image"},
        "label": {"names": NAMES, "_type": "ClassLabel"},
        **{name: {"dtype": "string", "_type": "Value"} for name in extra},
    }
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = {"image": pa.array(images, kind), "label": pa.array(labels), **extra}
    document = json.dumps({"info": {"features": features}})
    return pa.table(columns).replace_schema_metadata({"huggingface": document, "mine": "kept"})


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    path = tmp_path / "train.parquet"
    note = pa.array([f"n{i}" for i in range(18)])
    pq.write_table(parquet_table(note=note), path, row_group_size=7)
    return path


def files_in(path: Path) -> dict[str, bytes]:
    files = (file for file in path.rglob("*") if file.is_file())
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}


def images_in(path: Path) -> dict[str, bytes]:
    return {name: data for name, data in files_in(path).items() if "manifest" not in name}


# ------------------------------------------------------------------ folders


def test_a_folder_is_balanced_and_its_files_stay_as_they_are(folder: Path, tmp_path: Path) -> None:
    before, out = files_in(folder), tmp_path / "balanced"
    result = done("augment", folder, "--out", out, *QUICK)
    assert "class 'eight': 6 synthetic images added" in result.stderr
    assert result.stdout == ""
    assert files_in(folder) == before
    made = files_in(out)
    originals = {name: data for name, data in before.items() if name != "notes.txt"}
    assert {name: made[name] for name in originals} == originals
    new = sorted(made.keys() - originals.keys())
    assert new[:6] == [f"eight/synthetic_{i:04d}.png" for i in range(1, 7)]
    assert new[6:] == ["manifest.csv", "manifest.json"]
    listed = list(csv.DictReader(made["manifest.csv"].decode().splitlines()))
    assert Counter((row["class"], row["is_synthetic"]) for row in listed) == {
        ("eight", "False"): 6,
        ("eight", "True"): 6,
        ("one", "False"): 12,
    }
    assert {row["file"] for row in listed} == made.keys() - {"manifest.csv", "manifest.json"}
    X, y = load_images(out, progress=False)
    assert X.shape == (24, 8, 8)
    assert Counter(y.tolist()) == {"eight": 12, "one": 12}
    assert not list(tmp_path.glob("*.partial"))


def test_the_seed_decides_the_images_and_options_reach_the_estimator(
    folder: Path, tmp_path: Path
) -> None:
    command = ("augment", folder, "-q", "--sampling-strategy", "eight=9,one=13")
    for out, seed in (("a", 1), ("b", 1), ("c", 2)):
        said = done(*command, "-o", tmp_path / out, "--max-steps", 2, "--seed", seed).stderr
        assert said.count("\n") == said.count("ganaug: warning:") == 1  # of a class of six
    a, b, c = (images_in(tmp_path / out) for out in "abc")
    assert a == b
    assert a.keys() == c.keys()
    assert a != c
    assert {name for name in a if "synthetic" in name} == {
        *(f"eight/synthetic_{i:04d}.png" for i in (1, 2, 3)),
        "one/synthetic_0001.png",
    }


def test_only_the_synthetic_images_if_wanted(folder: Path, tmp_path: Path) -> None:
    done("augment", folder, "-o", tmp_path / "out", "--no-originals", *QUICK)
    assert len(images_in(tmp_path / "out")) == 6
    again = tmp_path / "again"
    shutil.copytree(tmp_path / "out" / "eight", folder / "eight", dirs_exist_ok=True)
    strategy = ("--sampling-strategy", "eight=14")
    done("augment", folder, "-o", again, "--no-originals", *strategy, *QUICK)
    names = sorted(path.name for path in (again / "eight").iterdir())
    assert names == ["synthetic_0007.png", "synthetic_0008.png"]  # not those that were there


def test_images_of_several_sizes_kinds_and_damage(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    Image.new("RGB", (20, 10)).save(folder / "one" / "wide.png")
    (folder / "one" / "torn.png").write_bytes((folder / "one" / "0.png").read_bytes()[:60])
    said = refused("augment", folder, "-o", out, *QUICK)
    assert "torn.png cannot be read" in said
    assert "--skip-unreadable" in said
    said = refused("augment", folder, "-o", out, "--skip-unreadable", *QUICK)
    assert "differ in their channels" in said
    assert "Use --rgb" in said
    said = refused("augment", folder, "-o", out, "--skip-unreadable", "--rgb", *QUICK)
    assert "Use --resize 8x8" in said
    assert not list(tmp_path.glob("out*"))
    options = ("--skip-unreadable", "--rgb", "--resize", "12x16")
    said = done("augment", folder, "-o", out, *options, *QUICK).stderr
    assert "torn.png" in said
    made = images_in(out)
    image = Image.open(io.BytesIO(made["eight/synthetic_0001.png"]))
    assert (image.mode, image.size) == ("RGB", (16, 12))
    assert made["one/torn.png"] == (folder / "one" / "torn.png").read_bytes()


def test_large_images_are_told_about_resize(folder: Path, tmp_path: Path) -> None:
    for file in folder.rglob("*.??g"):
        Image.open(file).resize((300, 300)).save(file)
    assert "--resize 64" in refused("augment", folder, "-o", tmp_path / "out", *QUICK)


def test_sixteen_bits_and_transparency_come_back(tmp_path: Path) -> None:
    for mode, shape, dtype in (("I;16", (8, 8), np.uint16), ("RGBA", (8, 8, 4), np.uint8)):
        source, out = tmp_path / mode, tmp_path / f"{mode}-out"
        random = np.random.default_rng(0)
        for name, n in (("a", 8), ("b", 4)):
            (source / name).mkdir(parents=True)
            for i in range(n):
                pixels = random.integers(0, np.iinfo(dtype).max, shape).astype(dtype)
                Image.fromarray(pixels).save(source / name / f"{i}.png")
        done("augment", source, "-o", out, *QUICK)
        assert Image.open(out / "b" / "synthetic_0001.png").mode == mode


# ------------------------------------------------------------------ interrupted runs


def test_a_killed_run_continues_without_training_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight, out = tmp_path / "straight", tmp_path / "out"
    done("augment", folder, "-o", straight, *QUICK)
    monkeypatch.setattr(image_run, "AT_ONCE", 2)
    plain = tmp_path / "plain"
    done("augment", folder, "-o", plain, *QUICK)

    write, written = image_run.write_output, []

    def killed(path: str, data: bytes, *, sync: bool = True) -> None:
        if path.endswith("0004.png"):
            Path(path).with_name(".tmp-torn").write_bytes(data[:10])
            raise KeyboardInterrupt
        write(path, data, sync=sync)
        written.append(Path(path).name)

    monkeypatch.setattr(image_run, "write_output", killed)
    said = refused("augment", folder, "-o", out, *QUICK, status=130)
    assert "out.partial: repeat the command to continue" in said
    assert not out.exists()
    finished = images_in(tmp_path / "out.partial")
    assert "eight/synthetic_0003.png" in finished

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(
        image_run, "write_output", lambda p, d, sync=True: (written.append(p), write(p, d))
    )
    written.clear()
    with monkeypatch.context() as patch:
        patch.setattr(GANAugmenter, "_learn", refuse)
        said = done("augment", folder, "-o", out, *QUICK).stderr
    assert "continuing the run" in said
    made = [Path(path).name for path in written if "synthetic" in path]
    assert made == [f"synthetic_000{i}.png" for i in (4, 5, 6)]
    assert images_in(out) == images_in(plain)
    assert not list(tmp_path.glob("*.partial"))


def test_a_run_ended_by_a_signal_leaves_no_half_result(folder: Path, tmp_path: Path) -> None:
    out, partial = tmp_path / "out", tmp_path / "out.partial"
    command = [sys.executable, "-m", "ganaug", "augment", str(folder), "-o", str(out), *QUICK]
    strategy = ["--sampling-strategy", "eight=20000"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*command, *strategy], env=environment, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            if (partial / "eight" / "synthetic_00001.png").exists() or process.poll() is not None:
                break
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not out.exists()
    names = [path.name for path in (partial / "eight").glob("synthetic_*.png")]
    assert names
    for name in names:
        Image.open(partial / "eight" / name).load()
    state = json.loads((partial / "manifest.json").read_text())
    assert (state["seed"], "complete" in state) == (0, False)


def test_a_finished_run_is_left_alone_and_another_needs_force(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done("augment", folder, "-o", out, *QUICK)
    before = files_in(out)
    said = done("augment", folder, "-o", out, *QUICK).stderr
    assert "complete already: nothing to do" in said
    assert "nothing to do" not in done("augment", folder, "-o", out, *QUICK, "--force").stderr
    other = ("augment", folder, "-o", out, "--max-steps", 2, "--seed", 1)
    assert "--force replaces it" in refused(*other)
    assert files_in(out) == before
    (folder / "one" / "0.png").write_bytes(png(pictures(7, 1)[0]))
    assert "another run; --force" in refused("augment", folder, "-o", out, *QUICK)
    done(*other, "--force")
    after = files_in(out)
    assert after.keys() == before.keys()
    assert after["eight/synthetic_0001.png"] != before["eight/synthetic_0001.png"]
    assert after["one/0.png"] != before["one/0.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "train"]


def test_an_unfinished_run_of_other_options_needs_force(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(image_run, "png_bytes", stop)
        refused("augment", folder, "-o", tmp_path / "out", *QUICK, status=130)
    other = ("augment", folder, "-o", tmp_path / "out", "--max-steps", 1, "--seed", 0)
    said = refused(*other)
    assert "unfinished run with other options (max_steps)" in said
    done(*other, "--force")


def test_files_of_others_are_never_removed(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    done("augment", folder, "-o", out, *QUICK)  # an empty one is fine
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    said = refused("augment", folder, "-o", tmp_path / "mine", "--force", *QUICK)
    assert "has other files in it" in said
    (tmp_path / "new.partial").mkdir()
    (tmp_path / "new.partial" / "thesis.txt").write_text("x")
    assert "out of the way" in refused("augment", folder, "-o", tmp_path / "new", "--force", *QUICK)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "{folder}"], "one in the other"),
        (["-o", "{folder}/out"], "one in the other"),
        (["-o", "{folder}/../no/out"], "There is no folder"),
        (["-o", "{out}", "--target", "label"], "is for Parquet files"),
        (["-o", "{out}", "--mark"], "manifest.csv says"),
        (["-o", "{out}", "--resize", "big"], "'big' is not a valid size"),
        (["-o", "{out}", "--recipe", "wgann"], "did you mean 'wgan'"),
        (["-o", "{out}", "--sampling-strategy", "nine=3"], "There is no class 'nine'"),
    ],
)
def test_impossible_requests_are_one_line(
    folder: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    filled = [o.format(folder=folder, out=tmp_path / "out") for o in options]
    said = refused("augment", folder, *filled, *QUICK)
    assert message in said
    assert said.strip().count("\n") == 0 or "reading" in said
    assert not list(tmp_path.glob("out*"))


def test_wrong_usage_is_status_2(folder: Path, parquet: Path, tmp_path: Path) -> None:
    assert "--output" in refused("augment", folder, *QUICK, status=2)
    out = tmp_path / "out.parquet"
    assert "--target" in refused("augment", parquet, "-o", out, *QUICK, status=2)
    table = tmp_path / "t.csv"
    table.write_text("a,b\n1,2\n")
    assert "--target" in refused("augment", table, status=2)


def test_options_that_do_nothing_are_refused(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a,b\n1,2\n")
    for option in (["--resize", "8"], ["--rgb"], ["--no-originals"], ["--image", "x"]):
        assert f"{option[0]} is for images" in refused("augment", table, "-t", "b", *option)
    out = ("-o", tmp_path / "out")
    assert "is for tables" in refused("augment", folder, *out, "--categorical", "a")
    assert "--rgb is for images" in refused("fit", table, "-t", "b", *out, "--rgb")


def test_parts_of_a_dataset_are_no_classes(folder: Path, tmp_path: Path) -> None:
    both = tmp_path / "both"
    for part in ("test", "train"):
        shutil.copytree(folder, both / part)
    said = refused("augment", both, "-o", tmp_path / "out", *QUICK)
    assert "parts of a dataset, not classes. Name one of them" in said


def test_a_folder_without_images_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "one folder per class" in refused("augment", tmp_path / "empty", "-o", tmp_path / "out")


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


def test_a_model_of_images_is_fitted_saved_and_sampled(folder: Path, tmp_path: Path) -> None:
    model, out = tmp_path / "model", tmp_path / "new"
    assert "learned 18 images" in done("fit", folder, "-o", model, *QUICK).stderr
    said = done("sample", model, "-n", "eight=3", "-n", "one=2", "-o", out, "--seed", 1).stderr
    assert "wrote 5 images" in said
    expected, _ = GANAugmenter.from_pretrained(model).sample({"eight": 3})
    assert expected.shape == (3, 8, 8)
    made = files_in(out)
    assert sorted(made) == [
        *(f"eight/synthetic_000{i}.png" for i in (1, 2, 3)),
        *(f"one/synthetic_000{i}.png" for i in (1, 2)),
    ]
    assert "not an empty folder" in refused("sample", model, "-n", 4, "-o", out)
    assert "go into a folder" in refused("sample", model, "-n", 4)
    done("sample", model, "-n", 4, "-o", tmp_path / "four")
    assert len(files_in(tmp_path / "four")) == 4


def test_a_model_is_fitted_on_parquet(parquet: Path, tmp_path: Path) -> None:
    done("fit", parquet, "-t", "label", "-o", tmp_path / "model", *QUICK)
    classes = GANAugmenter.from_pretrained(tmp_path / "model").classes_.tolist()
    assert classes == ["eight", "one"]


def test_a_report_is_written(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("jinja2", reason="pages need the extra report")
    page = tmp_path / "report.html"
    command = ("augment", folder, "-o", tmp_path / "out", "--report", page, *QUICK)
    done(*command)
    assert page.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html")
    other = ("--report", page, "--max-steps", 1, "--seed", 0)
    assert "--force" in refused("augment", folder, "-o", tmp_path / "two", *other)


def test_without_the_report_it_is_said_before_training(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    page = ("--report", tmp_path / "report.html")
    said = refused("augment", folder, "-o", tmp_path / "out", *page, *QUICK)
    assert "pip install 'ganaug[report]'" in said
    assert not list(tmp_path.glob("out*"))


def no_training(*_: Any, **__: Any) -> None:
    raise AssertionError("trained again")


def test_a_finished_result_still_gets_its_report(
    folder: Path, parquet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("jinja2", reason="pages need the extra report")
    judged: list[Any] = []
    monkeypatch.setattr(
        cli_images,
        "write_pages",
        lambda *_, page, seed, **__: (judged.append(seed), page.write_text("page")),
    )
    page = tmp_path / "report.html"
    for source, out in ((folder, "out"), (parquet, "out.parquet")):
        target = () if source == folder else ("-t", "label")
        command = ("augment", source, *target, "-o", tmp_path / out, *QUICK)
        done(*command)
        with monkeypatch.context() as patch:
            patch.setattr(GANAugmenter, "_learn", no_training)
            assert "only the report is made" in done(*command, "--report", page).stderr
            assert page.read_text() == "page"
            page.write_text("mine")
            assert "--force makes both anew" in done(*command, "--report", page).stderr
        assert page.read_text() == "mine"
        done(*command, "--report", page, "--force")
        assert page.read_text() == "page"
        page.unlink()
    assert judged == [0, 0, 0, 0]


def test_an_old_result_that_was_not_removed_is_no_obstacle(folder: Path, tmp_path: Path) -> None:
    out, old = tmp_path / "out", tmp_path / ".out.ganaug-old"
    done("augment", folder, "-o", out, *QUICK)
    other = ("augment", folder, "-o", out, "--max-steps", 2, "--seed", 1, "--force")
    shutil.copytree(out, old)
    done(*other)
    assert not old.exists()
    shutil.copytree(out, old)
    done(*other[:-1])
    assert not old.exists()
    old.mkdir()
    (old / "thesis.txt").write_text("x")
    assert "in the way" in refused("augment", folder, "-o", out, *QUICK, "--force")
    assert (old / "thesis.txt").exists()


@given(st.lists(st.text(st.sampled_from("a%2F/.\0-é"), max_size=120), min_size=2, unique=True))
def test_every_class_has_a_folder_of_its_own(labels: list[str]) -> None:
    names = [image_names.folder_name(label) for label in labels]
    assert len(set(names)) == len(names)
    for name in names:
        assert name not in ("", ".", "..")
        assert not set(name) & set("/\0")
        assert len(name.encode()) <= 200


def test_folders_of_classes_keep_their_names(folder: Path, tmp_path: Path) -> None:
    (folder / "eight").rename(folder / "8%2F")
    done("augment", folder, "-o", tmp_path / "out", *QUICK)
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir()) == [
        "8%2F",
        "one",
    ]
    assert len(list((tmp_path / "out" / "8%2F").glob("synthetic_*.png"))) == 6


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


def test_a_run_killed_at_its_very_start_can_be_repeated(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial" / ".tmp-abc").write_text("{")
    done("augment", folder, "-o", tmp_path / "out", *QUICK)
    assert not (tmp_path / "out" / ".tmp-abc").exists()


def test_a_continued_run_keeps_to_its_device(folder: Path, tmp_path: Path) -> None:
    run = image_run.Run(tmp_path / "out")
    done("fit", folder, "-o", run.model, *QUICK)
    found = run.load("cpu")
    assert found is not None
    assert found.get_params()["device"] == "cpu"


def test_two_processes_do_not_share_a_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fcntl", reason="folders are locked on POSIX systems only")
    out, make = ("-o", tmp_path / "out"), image_run.make_images

    def meanwhile(*arguments: Any, **options: Any) -> Any:
        said = refused("augment", folder, *out, "--max-steps", 1, "--force")
        assert "Another process is at work" in said
        return make(*arguments, **options)

    monkeypatch.setattr(image_run, "make_images", meanwhile)
    done("augment", folder, *out, *QUICK)


def test_a_finished_model_outlives_a_failure_of_training(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        model = tmp_path / "out.partial" / image_run.MODEL  # by another process
        model.mkdir()
        (model / "config.json").write_text("{}")
        raise KeyboardInterrupt

    monkeypatch.setattr(GANAugmenter, "_learn", interrupted)
    refused("augment", folder, "-o", tmp_path / "out", *QUICK, status=130)
    assert (tmp_path / "out.partial" / image_run.MODEL / "config.json").exists()


def test_pages_are_overwritten_by_one_rule(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("jinja2", reason="pages need the extra report")
    (tmp_path / "old.html").write_text("mine")
    (tmp_path / "t.csv").write_text("a,b\n1,x\n2,x\n3,y\n")
    for source, options in ((folder, ("-o", tmp_path / "out")), (tmp_path / "t.csv", ("-t", "b"))):
        command = ("augment", source, *options, *QUICK)
        assert "--force overwrites it" in refused(*command, "--report", tmp_path / "old.html")
        assert "must end in .html" in refused(*command, "--report", tmp_path / "page.pdf")
        assert "There is no folder" in refused(*command, "--report", tmp_path / "no" / "r.html")
    assert (tmp_path / "old.html").read_text() == "mine"
    assert not list(tmp_path.glob("out*"))


def test_reports_of_images(folder: Path, parquet: Path, tmp_path: Path) -> None:
    pytest.importorskip("jinja2", reason="pages need the extra report")
    page, numbers = tmp_path / "page.html", tmp_path / "page.json"
    page.write_text("an earlier one")
    for source, target in ((folder, ()), (parquet, ("-t", "label"))):
        command = ("report", source, *target, "-o", page, "--json", numbers, *QUICK)
        assert f"wrote {page}" in done(*command).stderr
        assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
        facts = json.loads(numbers.read_text(encoding="utf-8"))["facts"]
        assert facts["shape"] == [1, 8, 8]
        page.write_text("an earlier one")
    Image.new("L", (20, 10)).save(folder / "one" / "wide.png")
    said = refused("report", folder, "-o", page, *QUICK)
    assert "Use --resize 8x8" in said
    assert page.read_text() == "an earlier one"
    assert "--target" in refused("report", parquet, "-o", page, status=2)
    assert "is for tables" in refused("report", folder, "-o", page, "--test", "t.csv")
    assert "did you mean 'wgan'" in refused("report", folder, "-o", page, "--recipe", "wgann")


def test_an_encoding_is_for_tables(folder: Path, tmp_path: Path) -> None:
    for command in ("augment", "fit", "report"):
        options = ("-o", tmp_path / "out.html", "--encoding", "latin-1")
        assert "--encoding is for tables" in refused(command, folder, *options)
