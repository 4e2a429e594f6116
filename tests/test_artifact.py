"""Saving and loading: what comes back, what is refused, and what a crash leaves behind."""

from __future__ import annotations

import contextlib
import copy as copying
import hashlib
import json
import os
import pickle
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
import scipy.sparse as sp
import torch

from ganaug import ArtifactError, Callback, ConfigError, GANAugmenter, InvalidTypeError, Recipe
from ganaug.sampling import TableModel

N = 60
CODES = np.repeat([0, 1], [45, 15])


def quick(**options: Any) -> GANAugmenter:
    return GANAugmenter(**{"max_steps": 2, "random_state": 0, **options})


def mixed_frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    when = pd.Series(pd.date_range("2020-01-01", periods=N, freq="7h"))
    numbers = pd.Series(rng.integers(0, 99, N))
    words = pd.Series(rng.choice(list("abc"), N))
    return pd.DataFrame(
        {
            "float": rng.normal(size=N),
            "float32": rng.normal(size=N).astype("float32"),
            "int8": numbers.astype("int8"),
            "uint64": (numbers.astype("uint64") + 2**63),
            "id": 2**60 + numbers * 3,
            "Int64": numbers.astype("Int64").mask(numbers % 4 == 0),
            "Float32": numbers.astype("Float32").mask(numbers % 4 == 0),
            "boolean": (numbers > 50).astype("boolean").mask(numbers % 4 == 0),
            "bool": numbers > 50,
            "object": words.astype(object).where(numbers > 20, None),
            "object_int": numbers.astype(object),
            "str": words,
            "string": words.astype("string").mask(numbers % 4 == 0),
            "string_python": words.astype(pd.StringDtype("python")),
            "category": pd.Categorical(words, categories=list("xcba")),
            "ordered": pd.Categorical(numbers % 3, categories=[2, 0, 1, 9], ordered=True),
            "floats": pd.Categorical(numbers % 3 + 0.5),
            "bins": pd.cut(numbers, 4),
            "days": pd.Categorical(when.dt.normalize()),
            "wide": [f"street {i % 47}" if i % 5 else None for i in range(N)],
            "datetime": when,
            "datetime_s": when.astype("datetime64[s]").mask(numbers % 4 == 0),
            "berlin": when.dt.tz_localize("Europe/Berlin"),
            "offset": when.dt.tz_localize("+03:30"),
            "timedelta": when - when[0],
            "month": when.dt.to_period("M"),
            "sparse": pd.arrays.SparseArray(
                np.where(numbers > 50, numbers * 1.0, 0.0), fill_value=0.0
            ),
            "sparse_nan": pd.arrays.SparseArray(np.where(numbers > 50, numbers * 1.0, np.nan)),
            "constant": 7,
            "empty": np.nan,
        }
    )


def arrow_frame() -> pd.DataFrame:
    pa = pytest.importorskip("pyarrow")
    frame = mixed_frame()
    return pd.DataFrame(
        {
            "int": frame["int8"].astype("int32[pyarrow]"),
            "float": frame["float"].astype("double[pyarrow]"),
            "string": frame["str"].astype(pd.ArrowDtype(pa.string())),
            "large": frame["str"].astype(pd.ArrowDtype(pa.large_string())),
            "bool": frame["bool"].astype("bool[pyarrow]"),
            "stamp": frame["datetime"].astype(pd.ArrowDtype(pa.timestamp("us"))),
            "zoned": frame["berlin"].astype(pd.ArrowDtype(pa.timestamp("us", "Europe/Berlin"))),
            "duration": frame["timedelta"].astype(pd.ArrowDtype(pa.duration("s"))),
            "pandas": frame["str"].astype("string[pyarrow]"),
        }
    )


def equal(left: Any, right: Any) -> None:
    assert type(left) is type(right)
    if isinstance(left, pd.DataFrame):
        pd.testing.assert_frame_equal(left, right, check_freq=False)
    elif isinstance(left, pd.Series):
        pd.testing.assert_series_equal(left, right)
    elif sp.issparse(left):
        assert (left != right).nnz == 0
    else:
        np.testing.assert_array_equal(np.asarray(left), np.asarray(right))
        assert np.asarray(left).dtype == np.asarray(right).dtype


def again(augmenter: GANAugmenter, folder: Path) -> GANAugmenter:
    augmenter.save_pretrained(folder)
    return GANAugmenter.from_pretrained(folder)


def check_equal(first: GANAugmenter, second: GANAugmenter, X: Any, y: Any) -> None:
    for wanted in (5, {list(first.plan_)[1]: 9}, dict.fromkeys(first.plan_, 3000)):
        for a, b in zip(
            first.sample(wanted, random_state=3), second.sample(wanted, random_state=3), strict=True
        ):
            equal(a, b)
    for _ in range(2):  # the stream of seeds goes on where it was
        for a, b in zip(first.resample(X, y), second.resample(X, y), strict=True):
            equal(a, b)
        equal(first.sample(4)[0], second.sample(4)[0])
    equal(first.synthetic_mask_, second.synthetic_mask_)
    assert first.plan_ == second.plan_
    assert first.sampling_strategy_ == second.sampling_strategy_
    assert list(map(type, first.plan_)) == list(map(type, second.plan_))
    equal(first.classes_, second.classes_)
    assert first.n_features_in_ == second.n_features_in_
    assert first.history_.records == second.history_.records
    assert hasattr(first, "feature_names_in_") == hasattr(second, "feature_names_in_")
    if hasattr(first, "feature_names_in_"):
        equal(first.feature_names_in_, second.feature_names_in_)


RNG = np.random.default_rng(1)
TABLES: dict[str, Callable[[], Any]] = {
    "float array": lambda: RNG.normal(size=(N, 3)),
    "float32 array": lambda: RNG.normal(size=(N, 3)).astype("float32"),
    "int array": lambda: RNG.integers(0, 9, (N, 3)),
    "bool array": lambda: RNG.random((N, 3)) < 0.4,
    "object array": lambda: mixed_frame()[["str", "object_int"]].to_numpy(),
    "text array": lambda: RNG.choice(["a", "b"], (N, 2)),
    "list": lambda: RNG.integers(0, 9, (N, 3)).tolist(),
    "sparse": lambda: sp.csr_matrix(np.where(RNG.random((N, 3)) < 0.5, 1.5, 0.0)),
    "constants": lambda: np.full((N, 2), 3.0),
    "mixed frame": mixed_frame,
    "arrow frame": arrow_frame,
}


@pytest.mark.filterwarnings("ignore:.*identifier")
@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("recipe", ["auto", "gan"])
def test_a_loaded_augmenter_is_the_saved_one(tmp_path, kind, recipe):
    X = TABLES[kind]()
    augmenter = quick(recipe=recipe).fit(X, CODES)
    check_equal(augmenter, again(augmenter, tmp_path / "model"), X, CODES)


@pytest.mark.filterwarnings("ignore:.*identifier")
@pytest.mark.parametrize("kind", ["float array", "mixed frame", "arrow frame", "sparse"])
def test_a_pickled_augmenter_is_the_original(kind):
    X = TABLES[kind]()
    augmenter = quick(callbacks=[]).fit(X, CODES)
    check_equal(augmenter, pickle.loads(pickle.dumps(augmenter)), X, CODES)


def test_an_unfitted_augmenter_pickles():
    augmenter = GANAugmenter(recipe=Recipe.preset("wgan").replace(n_critic=2), random_state=4)
    assert pickle.loads(pickle.dumps(augmenter)).get_params() == augmenter.get_params()


@pytest.mark.parametrize("recipe", ["cgan", "wgan", "wgan-gp"])
@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_every_network_is_restored(tmp_path, recipe, norm):
    X = mixed_frame()[["float", "category", "wide"]]
    built = Recipe.preset(recipe).replace(generator_norm=norm, width=16, depth=3, pac=2)
    augmenter = quick(recipe=built, max_steps=5).fit(X, CODES)
    loaded = again(augmenter, tmp_path)
    check_equal(augmenter, loaded, X, CODES)
    assert loaded.recipe == built


@pytest.mark.filterwarnings("ignore:Class")
def test_every_method_is_restored(tmp_path):
    rng = np.random.default_rng(0)
    y = np.repeat(["anchored", "interpolate", "duplicate"], [190, 5, 1])
    X = pd.DataFrame(rng.normal(size=(196, 2)), columns=["a", "b"])
    augmenter = quick(on_singleton="duplicate").fit(X, y)
    assert {label: method for label, method in augmenter.plan_.items() if label != method} == {}
    check_equal(augmenter, again(augmenter, tmp_path), X, y)


WORDS = np.where(CODES == 1, "fraud", "fine")


@pytest.mark.parametrize(
    "y",
    [
        CODES, CODES.astype(np.uint8), CODES.astype(bool), CODES + 0.0, CODES * -3, WORDS,
        WORDS.astype(object), WORDS.tolist(), pd.Series(WORDS, dtype="category", name="t"),
        pd.Series(WORDS, dtype="string"), pd.Series(CODES, dtype="Int64"),
        np.eye(2, dtype=int)[CODES],
        pd.DataFrame(np.eye(2)[CODES], columns=["fine", "fraud"]), sp.csr_matrix(np.eye(2)[CODES]),
        np.where(CODES, "né\u2028\"}", "1"),
    ],
    ids=[
        "int", "uint8", "bool", "float", "negative", "str", "object", "list", "category", "string",
        "Int64", "one-hot", "one-hot frame", "sparse one-hot", "strange",
    ],
)  # fmt: skip
def test_labels_of_every_type_are_restored(tmp_path, y):
    X = RNG.normal(size=(N, 2))
    augmenter = quick().fit(X, y)
    check_equal(augmenter, again(augmenter, tmp_path), X, y)


def test_date_labels_are_refused_before_there_is_anything_to_save():
    y = pd.Series(pd.to_datetime(["2020", "2021"])).repeat(30)
    with pytest.raises(InvalidTypeError, match="astype"):
        quick().fit(RNG.normal(size=(N, 2)), y)


@pytest.mark.parametrize(
    "columns",
    [
        pd.MultiIndex.from_product([["a", "b"], ["x", "y"]], names=["one", None]),
        pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1), ("c", 9)]),
        pd.Index([3, 2, 1, 0], name="number"),
        pd.Index(["a", "b", "é\n", ""], name="word"),
        pd.DatetimeIndex(["2020-01-01", "2020-01-05", "2021-01-01", "1999-01-01"]),
        pd.RangeIndex(4),
    ],
    ids=["multi", "mixed multi", "ints", "words", "dates", "range"],
)
def test_columns_are_restored(tmp_path, columns):
    X = pd.DataFrame(RNG.normal(size=(N, 4)), columns=columns)
    augmenter = quick().fit(X, CODES)
    check_equal(augmenter, again(augmenter, tmp_path), X, CODES)


PARAMS: list[dict[str, Any]] = [
    {},
    {"recipe": "auto"},
    {"recipe": "wgan-gp"},
    {"recipe": Recipe.preset("cgan").replace(width=16)},
    {"sampling_strategy": "minority"},
    {"sampling_strategy": 0.9},
    {"sampling_strategy": {1: 40, 0: 50}},
    {"sampling_strategy": {np.int64(1): np.int64(40)}},
    {"mode": "replace", "p": 0.25},
    {"mode": "replace", "p": np.float64(0.25)},
    {"categorical_features": ["b"]},
    {"categorical_features": [1, 0]},
    {"categorical_features": "b"},
    {"categorical_features": None},
    {"max_steps": np.int64(3), "batch_size": np.int32(16)},
    {"max_seconds": 60.5, "verbose": False},
    {"memory_budget": "2GB", "on_singleton": "duplicate"},
    {"memory_budget": 10**9},
    {"random_state": 7},
    {"random_state": None},
]


@pytest.mark.parametrize("params", PARAMS, ids=repr)
def test_parameters_are_restored(tmp_path, params):
    X = pd.DataFrame({"a": RNG.integers(0, 5, N), "b": RNG.integers(0, 5, N)})
    augmenter = quick(**params).fit(X, CODES)
    assert again(augmenter, tmp_path).get_params() == augmenter.get_params()


@pytest.mark.parametrize("flags", [np.array([True, False]), (True, False), np.array([0])])
def test_listed_categories_are_restored(tmp_path, flags):
    X = RNG.integers(0, 5, (N, 2))
    loaded = again(quick(categorical_features=flags).fit(X, CODES), tmp_path)
    assert loaded.categorical_features == list(flags)
    loaded.fit(X, CODES)


def test_what_belongs_to_the_process_is_not_saved(tmp_path):
    augmenter = quick(device="cpu", callbacks=[], random_state=np.random.RandomState(0))
    loaded = again(augmenter.fit(RNG.normal(size=(N, 2)), CODES), tmp_path)
    assert (loaded.device, loaded.callbacks, loaded.random_state) == ("auto", None, None)


def test_a_loaded_augmenter_can_be_fitted_again(tmp_path):
    X = mixed_frame()[["float", "str"]]
    augmenter = quick().fit(X, CODES)
    loaded = again(augmenter, tmp_path)
    equal(loaded.fit_resample(X, CODES)[0], quick().fit_resample(X, CODES)[0])


def test_a_replacing_augmenter_is_restored(tmp_path):
    X = mixed_frame()[["float", "str"]]
    loaded = again(quick(mode="replace").fit(X, CODES), tmp_path)
    equal(loaded.transform(X), X)
    assert not hasattr(loaded, "fit_resample")


def test_a_callable_strategy_is_refused_with_the_way_out(tmp_path):
    augmenter = quick(sampling_strategy=lambda y: {1: 40}).fit(RNG.normal(size=(N, 2)), CODES)
    with pytest.raises(ConfigError, match=r"callable.*dict"):
        augmenter.save_pretrained(tmp_path / "model")
    assert not (tmp_path / "model").exists()
    augmenter.set_params(sampling_strategy={1: 40}).save_pretrained(tmp_path / "model")
    assert GANAugmenter.from_pretrained(tmp_path / "model").sampling_strategy_ == {1: 25}


def test_an_unfitted_augmenter_is_not_saved(tmp_path):
    with pytest.raises(ValueError, match="not fitted"):
        GANAugmenter().save_pretrained(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_paths_are_strings_too_and_folders_are_made(tmp_path):
    augmenter = quick().fit(RNG.normal(size=(N, 2)), CODES)
    augmenter.save_pretrained(str(tmp_path / "a" / "b"))
    equal(GANAugmenter.from_pretrained(str(tmp_path / "a" / "b")).classes_, augmenter.classes_)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    X = mixed_frame()[["float", "Int64", "category", "wide", "datetime"]]
    quick().fit(X, CODES).save_pretrained(folder)
    return folder


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    for file in saved.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def weights_of(folder: Path) -> Path:
    (file,) = folder.glob("*.safetensors")
    return file


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_the_files_are_two_and_readable_by_whom_the_umask_says(tmp_path):
    augmenter = quick().fit(RNG.normal(size=(N, 2)), CODES)
    for mask, mode in ((0o022, 0o644), (0o077, 0o600), (0o002, 0o664)):
        before = os.umask(mask)
        try:
            augmenter.save_pretrained(tmp_path / oct(mask))
        finally:
            os.umask(before)
        assert len(names(tmp_path / oct(mask))) == 2
        for file in (tmp_path / oct(mask)).iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == mode


def test_saving_again_replaces(saved, copy):
    old = weights_of(copy).name
    other = quick(random_state=1).fit(RNG.normal(size=(N, 2)), CODES)
    other.save_pretrained(copy)
    assert weights_of(copy).name != old
    assert len(names(copy)) == 2
    equal(
        GANAugmenter.from_pretrained(copy).sample(9, random_state=0)[0],
        other.sample(9, random_state=0)[0],
    )
    other.save_pretrained(copy)
    assert len(names(copy)) == 2


@pytest.mark.parametrize("call", [0, 1])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_fault_55_a_crash_while_saving_leaves_the_old_model(saved, copy, monkeypatch, call, error):
    """Crash before the weights are in place (0), and between weights and configuration (1)."""
    old = GANAugmenter.from_pretrained(copy)
    other = quick(random_state=1).fit(RNG.normal(size=(N, 2)), CODES)
    calls = []
    replace = Path.replace

    def crash(self: Path, target: Any) -> Any:
        calls.append(target)
        if len(calls) > call:
            raise error
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", crash)
        with pytest.raises((ArtifactError, KeyboardInterrupt)):
            other.save_pretrained(copy)
    assert not [name for name in names(copy) if "tmp" in name]
    loaded = GANAugmenter.from_pretrained(copy)
    equal(loaded.sample(9, random_state=0)[0], old.sample(9, random_state=0)[0])
    other.save_pretrained(copy)  # and the next attempt cleans up
    assert len(names(copy)) == 2


def test_fault_56_a_full_disk_raises_and_leaves_nothing(saved, copy, monkeypatch):
    other = quick(random_state=1).fit(RNG.normal(size=(N, 2)), CODES)
    before = names(copy)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArtifactError, match="No space left"):
        other.save_pretrained(copy)
    assert names(copy) == before


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    augmenter = quick().fit(RNG.normal(size=(N, 2)), CODES)
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "model"):
        with pytest.raises(ArtifactError, match="cannot be saved"):
            augmenter.save_pretrained(path)
    assert (tmp_path / "file").read_text() == "mine"
    with pytest.raises(ArtifactError):
        GANAugmenter.from_pretrained(tmp_path / "file")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_fault_56_a_read_only_folder_raises(tmp_path):
    augmenter = quick().fit(RNG.normal(size=(N, 2)), CODES)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ArtifactError, match="cannot be saved"):
            augmenter.save_pretrained(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_fault_56_a_folder_that_refuses_writing_raises(tmp_path, monkeypatch):
    augmenter = quick().fit(RNG.normal(size=(N, 2)), CODES)

    def refuse(*args: Any, **options: Any) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ArtifactError, match="Permission denied"):
        augmenter.save_pretrained(tmp_path / "model")


def test_strangers_files_survive(copy):
    (copy / "notes.txt").write_text("mine")
    (copy / "model.safetensors").write_text("mine too")
    GANAugmenter.from_pretrained(copy).save_pretrained(copy)
    assert {"notes.txt", "model.safetensors"} <= set(names(copy))


@pytest.mark.parametrize("where", [0, 9, 100, -1])
def test_fault_64_a_flipped_bit_is_noticed(copy, where):
    file = weights_of(copy)
    data = bytearray(file.read_bytes())
    data[where] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(ArtifactError, match="checksum"):
        GANAugmenter.from_pretrained(copy)


@pytest.mark.parametrize("keep", [0, 7, 1000, -1])
def test_fault_64_truncated_weights_are_noticed(copy, keep):
    file = weights_of(copy)
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ArtifactError, match="checksum"):
        GANAugmenter.from_pretrained(copy)


def test_missing_weights_are_noticed(copy):
    weights_of(copy).unlink()
    with pytest.raises(ArtifactError, match="weights"):
        GANAugmenter.from_pretrained(copy)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "1",
        '"a"',
        "[" * 100_000,
        "\0",
        "\ufeff{}",
        '{"kind": 1}',
        "9" * 10_000,
    ],
    ids=range(11),
)
def test_a_damaged_configuration_is_refused(copy, text):
    (copy / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ArtifactError):
        GANAugmenter.from_pretrained(copy)


def edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    file = folder / "config.json"
    config = json.loads(file.read_text())
    change(config)
    file.write_text(json.dumps(config))


def check_head(folder: Path, key: str, value: Any, words: str) -> None:
    edit(folder, lambda config: config.update({key: value}))
    with pytest.raises(ArtifactError, match=words):
        GANAugmenter.from_pretrained(folder)


@pytest.mark.parametrize("value", ["0" * 64, None])
def test_fault_64_another_checksum_is_noticed(copy, value):
    check_head(copy, "sha256", value, "checksum")


@pytest.mark.parametrize(
    "value",
    [
        "../model-0123456789abcdef.safetensors",
        "/etc/passwd",
        "..\\model.safetensors",
        "a/../model-0123456789abcdef.safetensors",
        "model-\0123456789abcdef.safetensors",
        "",
        None,
        ["model"],
    ],
)
def test_fault_66_weights_outside_of_the_folder_are_refused(copy, value):
    check_head(copy, "weights", value, "impossible")


def test_weights_of_another_name_are_noticed(copy):
    check_head(copy, "weights", "model-0123456789abcdef.safetensors", "weights")


@pytest.mark.parametrize(
    ("value", "words"),
    [(2, "Upgrade"), (0, "format"), ("1", "format"), (True, "format"), (None, "format")],
)
def test_fault_67_a_newer_or_impossible_format_is_refused(copy, value, words):
    check_head(copy, "format", value, words)


@pytest.mark.parametrize("value", ["ganaug.Pix2PixAugmenter", "sklearn.svm.SVC"])
def test_fault_68_the_model_of_another_estimator_is_refused(copy, value):
    check_head(copy, "kind", value, "GANAugmenter")


def paths_in(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value of the configuration, except within the history."""
    if path:
        yield path
    if path[-1:] == ("history",):
        return
    items = data.items() if isinstance(data, dict) else enumerate(data[:2])
    for key, value in items:
        if isinstance(value, (dict, list)) and value:
            yield from paths_in(value, (*path, key))
        else:
            yield (*path, key)


def at(config: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        config = config[key]
    return config


def test_no_part_of_the_configuration_can_be_left_out(saved, copy):
    original = (copy / "config.json").read_text()
    refused = 0
    for path in paths_in(json.loads(original)):
        edit(copy, lambda config, path=path: at(config, path).pop(path[-1]))
        try:
            GANAugmenter.from_pretrained(copy).sample(3)
        except ArtifactError:
            refused += 1
        (copy / "config.json").write_text(original)
    assert refused > 60


@pytest.mark.parametrize("value", [None, -1, 10**9, 1e300, "x", [], {}, [[]], True, "9" * 99])
def test_no_part_of_the_configuration_can_crash_the_loader(saved, copy, value):
    """Each value in turn is replaced: the model loads, or it is refused in our own type."""
    original = (copy / "config.json").read_text()
    for path in paths_in(json.loads(original)):
        edit(copy, lambda config, path=path: at(config, path).__setitem__(path[-1], value))
        with contextlib.suppress(ArtifactError):
            GANAugmenter.from_pretrained(copy)
        (copy / "config.json").write_text(original)


def repack(folder: Path, change: Callable[[dict[str, np.ndarray]], Any]) -> None:
    """Change the arrays and make the checksums fit, as somebody malicious would."""
    file = weights_of(folder)
    arrays = safetensors.numpy.load(file.read_bytes())
    change(arrays)
    put(folder, safetensors.numpy.save(arrays))


def put(folder: Path, payload: bytes) -> None:
    weights_of(folder).unlink()
    digest = hashlib.sha256(payload).hexdigest()
    name = f"model-{digest[:16]}.safetensors"
    (folder / name).write_bytes(payload)
    edit(folder, lambda config: config.update(weights=name, sha256=digest))


@pytest.mark.parametrize("change", ["drop", "scalar", "empty", "wider", "longer", "type", "flat"])
def test_wrong_arrays_are_refused(saved, copy, change):
    changes: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "scalar": lambda a: np.float32(1).reshape(()),
        "empty": lambda a: a[:0],
        "wider": lambda a: np.concatenate([a, a], -1),
        "longer": lambda a: np.concatenate([a, a]),
        "type": lambda a: a.astype(np.float16),
        "flat": lambda a: np.concatenate([a.ravel(), a.ravel()]),
    }
    payload = weights_of(copy).read_bytes()
    refused = 0
    for name in safetensors.numpy.load(payload):
        put(copy, payload)
        if change == "drop":
            repack(copy, lambda arrays, name=name: arrays.pop(name))
        else:
            repack(
                copy,
                lambda arrays, name=name: arrays.__setitem__(
                    name, np.ascontiguousarray(changes[change](np.atleast_1d(arrays[name])))
                ),
            )
        try:
            GANAugmenter.from_pretrained(copy).sample(3)
        except ArtifactError:
            refused += 1
    assert refused > 20


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff" * 8,
        b"\x02\0\0\0\0\0\0\0{}",
        (2**62).to_bytes(8, "little") + b"{}",
        pickle.dumps({"a": 1}),
        len(h := b'{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}')
        .to_bytes(8, "little") + h + b"\0\0\0\0",
    ],
    ids=["empty", "garbage", "no arrays", "huge header", "pickle", "shape bomb"],
)  # fmt: skip
def test_fault_65_weights_that_are_none_are_refused(copy, payload):
    put(copy, payload)
    with pytest.raises(ArtifactError):
        GANAugmenter.from_pretrained(copy)


@pytest.mark.parametrize("field", ["width", "depth", "noise_dim", "embedding_dim"])
@pytest.mark.parametrize("value", [10**5, 10**7, 10**12])
def test_fault_65_absurd_sizes_are_refused_before_memory_is_taken(copy, field, value):
    edit(copy, lambda c: c["model"]["recipe"]["architecture"].update({field: value}))
    with pytest.raises(ArtifactError, match="fit together"):
        GANAugmenter.from_pretrained(copy)


def test_a_missing_folder_is_refused(tmp_path):
    for path in (tmp_path / "none", tmp_path, "", "\0"):
        with pytest.raises(ArtifactError):
            GANAugmenter.from_pretrained(path)


def test_strangers_weights_survive(copy):
    for name in ("model-best.safetensors", "model-00001-of-00002.safetensors"):
        (copy / name).write_bytes(b"mine")
    GANAugmenter.from_pretrained(copy).save_pretrained(copy)
    assert len(names(copy)) == 4
    assert (copy / "model-best.safetensors").read_bytes() == b"mine"


@pytest.mark.parametrize("text", ['{"model_type": "bert"}', "[]", "not json", "", '{"kind": 1}'])
def test_the_configuration_of_something_else_is_not_replaced(copy, tmp_path, text):
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "config.json").write_text(text)
    with pytest.raises(ArtifactError, match="does not describe a GANAugmenter"):
        GANAugmenter.from_pretrained(copy).save_pretrained(folder)
    assert names(folder) == ["config.json"]
    assert (folder / "config.json").read_text() == text


class Note(Callback):
    def __init__(self, value: Any) -> None:
        self.value = value

    def on_record(self, trainer: Any, record: dict[str, Any]) -> None:
        record["note"] = self.value


@pytest.mark.parametrize("value", [np.float32(0.5), np.int64(3), np.bool_(True), np.float16(2)])
def test_numpy_numbers_in_the_history_are_saved(tmp_path, value):
    augmenter = quick(callbacks=[Note(value)]).fit(np.arange(float(N))[:, None], CODES)
    assert again(augmenter, tmp_path).history_["note"][-1] == value


@pytest.mark.parametrize(
    "value", [np.zeros(2), object(), float("nan")], ids=["array", "object", "nan"]
)
def test_what_the_history_cannot_keep_is_refused(tmp_path, value):
    augmenter = quick(callbacks=[Note(value)]).fit(np.arange(float(N))[:, None], CODES)
    with pytest.raises(ArtifactError, match="cannot be saved"):
        augmenter.save_pretrained(tmp_path / "model")


def test_numpy_integers_in_a_recipe_are_saved(tmp_path):
    recipe = Recipe.preset("cgan").replace(width=np.int64(8), learning_rate=np.float32(0.5))
    augmenter = quick(recipe=recipe).fit(np.arange(float(N))[:, None], CODES)
    assert again(augmenter, tmp_path).recipe.architecture.width == 8


@pytest.mark.parametrize("duplicate", [copying.copy, copying.deepcopy])
def test_only_pickling_moves_to_the_cpu(monkeypatch, duplicate):
    augmenter = quick().fit(np.arange(float(N))[:, None], CODES)
    moves: list[Any] = []
    monkeypatch.setattr(TableModel, "device", property(lambda self: torch.device("meta")))
    monkeypatch.setattr(TableModel, "to", lambda self, device: moves.append(device) or self)
    twin = duplicate(augmenter)
    assert moves == []
    assert (twin.model_ is augmenter.model_) == (duplicate is copying.copy)
    twin.max_steps = 9
    assert augmenter.max_steps == 2
    pickle.dumps(augmenter)
    assert moves == ["cpu"]
