"""The history by callback: TensorBoard's files read back, and any function."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.naive_bayes import GaussianNB

from ganaug import (
    AugmentedClassifier,
    ConfigError,
    GANAugmenter,
    MetricsLogger,
    Pix2PixAugmenter,
    Recipe,
    TensorBoardLogger,
)

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")


@pytest.fixture(scope="module")
def table() -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    y = np.repeat(["common", "a/b rare"], (40, 20))
    return random.normal(size=(60, 3)), y


@pytest.fixture(scope="module")
def images() -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    return random.integers(0, 256, (24, 8, 8, 3)).astype(np.uint8), np.repeat([0, 1], (16, 8))


def quick(**options: Any) -> GANAugmenter:
    return GANAugmenter(**{"max_steps": 6, "random_state": 0, **options})


def events(folder: Path) -> Any:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    accumulator = reader.EventAccumulator(str(folder))
    accumulator.Reload()
    return accumulator


def folders(path: Path) -> list[str]:
    return sorted(folder.name for folder in path.iterdir())


@pytest.fixture
def board(tmp_path: Path) -> TensorBoardLogger:
    pytest.importorskip("tensorboard", reason="needs the extra 'tensorboard'")
    return TensorBoardLogger(tmp_path / "logs")


def test_tensorboard_holds_the_history(table: Any, board: TensorBoardLogger) -> None:
    augmenter = quick(callbacks=[board]).fit(*table)
    assert folders(board.log_dir) == ["auto-1"]
    written = events(board.log_dir / "auto-1")
    columns = set(augmenter.history_.records[0]) - {"step"}
    named = {"diversity[common]": "diversity/common", "diversity[a/b rare]": "diversity/a/b rare"}
    # The judgement on a record stands in it before callbacks see it.
    assert {named.get(column, column) for column in columns} == set(written.Tags()["scalars"])
    for column in columns:
        points = written.Scalars(named.get(column, column))
        assert [point.step for point in points] == augmenter.history_["step"]
        values = [point.value for point in points]
        assert values == pytest.approx(augmenter.history_[column], rel=1e-6)
    (text,) = written.Tensors("recipe/text_summary")
    document = text.tensor_proto.string_val[0].decode()
    said = json.loads(document.removeprefix("```json\n").removesuffix("\n```"))
    assert said["steps"] == 6
    assert Recipe.from_dict(said["recipe"]) == Recipe.preset("auto")


def test_no_run_overwrites_another(table: Any, board: TensorBoardLogger) -> None:
    X, y = table
    model = AugmentedClassifier(GaussianNB(), quick(callbacks=[board], max_steps=2))
    cross_val_score(model, X, y, cv=3)
    assert folders(board.log_dir) == ["auto-1", "auto-2", "auto-3"]
    same_place = TensorBoardLogger(board.log_dir)
    quick(callbacks=[same_place], recipe="gan", max_steps=2).fit(X, y)
    assert folders(board.log_dir) == [
        "auto-1",
        "auto-2",
        "auto-3",
        "gan-a_b_rare-1",
        "gan-common-1",
    ]
    for name in folders(board.log_dir):
        assert [point.step for point in events(board.log_dir / name).Scalars("critic_loss")] == [
            1,
            2,
        ]


def test_parallel_fits_get_folders_of_their_own(table: Any, board: TensorBoardLogger) -> None:
    X, y = table
    model = AugmentedClassifier(GaussianNB(), quick(callbacks=[board], max_steps=20))
    with joblib.parallel_config(backend="threading"):
        cross_val_score(model, X, y, cv=2, n_jobs=2)
    assert folders(board.log_dir) == ["auto-1", "auto-2"]
    for name in folders(board.log_dir):
        assert len(events(board.log_dir / name).Scalars("critic_loss")) == 20


def test_a_fitted_augmenter_with_a_board_can_be_copied(
    table: Any, board: TensorBoardLogger
) -> None:
    augmenter = quick(callbacks=[board]).fit(*table)
    assert clone(augmenter).callbacks[0] is board
    for copied in (pickle.loads(pickle.dumps(augmenter)), copy.deepcopy(augmenter)):
        copied.fit(*table)
    assert len(folders(board.log_dir)) == 3


class Trouble(MetricsLogger):
    def __init__(self) -> None:
        super().__init__(self.fail)

    def fail(self, metrics: dict[str, float], step: int) -> None:
        if step == 3:
            raise RuntimeError("the disk is full")


def test_a_run_cut_short_keeps_its_curves(table: Any, board: TensorBoardLogger) -> None:
    augmenter = quick(callbacks=[board, Trouble()])
    with pytest.raises(RuntimeError, match="the disk is full"):
        augmenter.fit(*table)
    points = events(board.log_dir / "auto-1").Scalars("critic_loss")
    assert [point.step for point in points] == [1, 2, 3]
    augmenter.set_params(callbacks=[board]).fit(*table)
    assert len(events(board.log_dir / "auto-2").Scalars("critic_loss")) == 6


def test_pictures_stand_beside_the_curves(images: Any, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs the extra 'tensorboard'")
    board = TensorBoardLogger(tmp_path, per_class=3, every=2)
    quick(callbacks=[board], max_steps=4).fit(*images)
    (name,) = folders(tmp_path)
    pictures = events(tmp_path / name).Images("samples")
    assert [(p.step, p.width, p.height) for p in pictures] == [(2, 28, 18), (4, 28, 18)]


def test_pictures_of_a_table_are_refused(table: Any, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs the extra 'tensorboard'")
    with pytest.raises(ConfigError, match="fitted on a table"):
        quick(callbacks=[TensorBoardLogger(tmp_path, per_class=3)]).fit(*table)


def test_pairs_of_images_are_logged_too(images: Any, board: TensorBoardLogger) -> None:
    X = np.repeat(np.repeat(images[0][:6], 4, 1), 4, 2)
    Pix2PixAugmenter(max_steps=2, callbacks=[board], random_state=0).fit(X, 255 - X)
    assert folders(board.log_dir) == ["pix2pix-1"]


def test_any_function_gets_the_history(table: Any) -> None:
    """MetricsLogger calls a function with each record and its step."""
    lines: list[tuple[int, dict[str, float]]] = []
    watch = MetricsLogger(lambda metrics, step: lines.append((step, metrics)))
    augmenter = quick(callbacks=[watch]).fit(*table)
    assert [step for step, _ in lines] == augmenter.history_["step"]
    assert [metrics["critic_loss"] for _, metrics in lines] == augmenter.history_["critic_loss"]
    assert all(type(value) is float for _, metrics in lines for value in metrics.values())
    assert "diversity/a/b rare" in lines[0][1]


def test_curves_of_several_runs_have_names_of_their_own(table: Any) -> None:
    lines: list[tuple[int, dict[str, float]]] = []
    watch = MetricsLogger(lambda metrics, step: lines.append((step, metrics)))
    quick(callbacks=[watch], recipe="gan", max_steps=3).fit(*table)
    clone(quick(callbacks=[watch], max_steps=2)).fit(*table)
    steps = [step for step, _ in lines]
    assert steps == list(range(1, 9))  # some loggers drop steps that go back
    losses = [next(name for name in m if name.endswith("critic_loss")) for _, m in lines]
    assert losses == [
        *["critic_loss"] * 3, *["run-2/critic_loss"] * 3, *["run-3/critic_loss"] * 2
    ]  # fmt: skip
    assert [metrics["run-3/step"] for _, metrics in lines[6:]] == [1, 2]


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"function of \(metrics, step\)"):
        MetricsLogger("wandb")  # type: ignore[arg-type]


def test_a_missing_tensorboard_is_said_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tensorboard", None)
    with pytest.raises(ConfigError, match=r"pip install 'ganaug\[tensorboard\]'"):
        TensorBoardLogger(tmp_path)
