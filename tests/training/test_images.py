"""Training on images: what is drawn, what the critic sees, and what the switches of a recipe do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from ganaug import Callback, ConfigError, GANAugmenter, ImageOptions, Recipe
from ganaug.runtime.rng import torch_stream
from ganaug.training.images import (
    CHANGES,
    TrainingImages,
    TrainingPairs,
    brighten,
    cut_out,
    seen,
    translate,
)

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")

CPU = torch.device("cpu")
SIZES = [(8, 8), (16, 16), (28, 28), (9, 40), (64, 12)]


def random_images(n: int, channels: int, height: int, width: int) -> torch.Tensor:
    """Return images without black, grey or white in them."""
    images = torch.rand(n, channels, height, width, generator=torch_stream(0)) * 0.4 + 0.3
    sign = torch.rand(images.shape, generator=torch_stream(1)) < 0.5
    return torch.where(sign, images, -images)


# ------------------------------------------------------------------ what is done to images


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_translation_moves_by_at_most_an_eighth_and_fills_with_black(size: Any) -> None:
    images = random_images(200, 2, *size)
    moved = translate(images, torch_stream(3))
    most = [int(max(side / 8, 1) + 0.5) for side in size]
    found = set()
    for old, new in zip(images, moved, strict=True):
        (move,) = [
            (down, right)
            for down in range(-most[0], most[0] + 1)
            for right in range(-most[1], most[1] + 1)
            if torch.equal(shifted(old, down, right), new)
        ]
        found.add(move)
    assert {abs(down) for down, _ in found} == set(range(most[0] + 1))
    assert {abs(right) for _, right in found} == set(range(most[1] + 1))
    assert len(found) > 7, "each image has its own move"
    assert min(found)[0] < 0 < max(found)[0]


def shifted(image: torch.Tensor, down: int, right: int) -> torch.Tensor:
    """Return an image moved up and to the left, black where nothing comes in."""
    _, height, width = image.shape
    out = torch.full_like(image, -1.0)
    rows = slice(max(down, 0), min(height, height + down))
    columns = slice(max(right, 0), min(width, width + right))
    target_rows = slice(max(-down, 0), min(height, height - down))
    target_columns = slice(max(-right, 0), min(width, width - right))
    out[:, target_rows, target_columns] = image[:, rows, columns]
    return out


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_cutout_blanks_one_square_of_half_the_size(size: Any) -> None:
    images = random_images(200, 3, *size)
    holes = []
    for old, new in zip(images, cut_out(images, torch_stream(3)), strict=True):
        grey = (new == 0).all(0)
        assert torch.equal(new[:, ~grey], old[:, ~grey]), "the rest stays"
        rows, columns = grey.any(1), grey.any(0)
        assert torch.equal(grey, rows[:, None] & columns[None]), "one rectangle, in every channel"
        for side in (rows, columns):
            where = side.nonzero().flatten()
            assert len(where) == where[-1] - where[0] + 1
        holes.append((int(rows.sum()), int(columns.sum()), int(rows.nonzero()[0])))
    tall, wide, tops = zip(*holes, strict=True)
    # A centre near the border leaves part of the square outside, at least half of it inside.
    for found, side in ((tall, size[0]), (wide, size[1])):
        assert side // 4 <= min(found) <= max(found) <= side // 2 + 1
        assert max(found) >= side // 2
    assert len(set(tops)) > 2, "each image has its own square"


def test_brightness_adds_one_number_to_each_image() -> None:
    images = random_images(500, 3, 8, 8)
    added = brighten(images, torch_stream(3)) - images
    each = added.flatten(1)
    assert (each.amax(1) - each.amin(1)).max() < 1e-6
    assert -0.5 <= each.min() < -0.45
    assert 0.45 < each.max() <= 0.5


@pytest.mark.parametrize("name", CHANGES)
def test_changes_are_differentiable_and_draw_from_their_stream_only(name: str) -> None:
    images = random_images(20, 1, 16, 16).requires_grad_()
    change: Callable[..., Any] = CHANGES[name]
    before = torch.get_rng_state()
    changed, again, other = (change(images, torch_stream(seed)) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(changed, again)
    assert not torch.equal(changed, other)
    assert changed.shape == images.shape
    (gradient,) = torch.autograd.grad(changed.sum(), images)
    assert set(gradient.unique().tolist()) <= {0.0, 1.0}
    kept = gradient.flatten(1).mean(1)
    assert (kept > 0.5).all(), "most of an image reaches the critic"
    if name != "brightness":
        assert (kept < 1).any(), "what is outside or blank has no gradient"


@pytest.mark.parametrize(
    ("size", "half"), [((16, 16), (8, 8)), ((17, 40), (8, 20)), ((15, 40), (15, 40))]
)
def test_bent_images_are_judged_at_half_their_size_where_that_is_enough(
    size: Any, half: Any
) -> None:
    images = random_images(2, 3, *size)
    small = seen(images)
    assert tuple(small.shape) == (2, 3, *half)
    if half != size:
        assert torch.allclose(small[:, :, 0, 0], images[:, :, :2, :2].mean((2, 3)))


# ------------------------------------------------------------------ what is drawn


def stored(dtype: torch.dtype = torch.uint8) -> tuple[torch.Tensor, torch.Tensor]:
    """Return 12 images whose values name them, and their classes."""
    values = torch.arange(12, dtype=torch.uint8) * 20
    images = values[:, None, None, None].expand(12, 1, 8, 8).clone()
    images[:, :, :, :4] += 5  # the left half is brighter
    images[:, :, :4] += 3  # and the upper one
    if dtype != torch.uint8:
        images = images.float() / 127.5 - 1
    return images, torch.tensor([2, 0, 0, 1, 2, 0, 0, 0, 1, 0, 2, 0])


@pytest.mark.parametrize("kind", [TrainingImages, TrainingPairs])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_bytes_stay_bytes_until_they_are_drawn(kind: Any, dtype: torch.dtype) -> None:
    images, labels = stored(dtype)
    rows = kind(images, labels, 3, 1.0, CPU)
    assert rows.rows.dtype == dtype
    assert rows.rows.nbytes == images.nbytes
    wanted = torch.tensor([0, 1, 2] * 200)
    drawn = rows.draw_rows(wanted, torch_stream(0))
    assert drawn.dtype == torch.float32
    assert -1 <= drawn.min() < drawn.max() <= 1
    signed = images.float() / 127.5 - 1 if dtype == torch.uint8 else images
    for label in range(3):
        own = signed[labels == label].flatten(1)
        distance = (drawn[wanted == label].flatten(1)[:, None] - own).abs().amax(2)
        assert distance.amin(1).max() < 1e-6, "an image of another class"
        assert set(distance.argmin(1).tolist()) == set(range(len(own))), "each has its turn"


@pytest.mark.parametrize(
    ("label_safe", "axes"),
    [((), []), (("hflip",), [3]), (("vflip",), [2]), (("hflip", "vflip"), [2, 3])],
    ids=str,
)
def test_only_what_is_label_safe_is_mirrored(label_safe: tuple[str, ...], axes: list[int]) -> None:
    images, labels = stored(torch.float32)
    rows = TrainingImages(images, labels, 3, 1.0, CPU, label_safe=label_safe)
    drawn = rows.draw_rows(torch.zeros(400, dtype=torch.long), torch_stream(0))
    left, upper = drawn[:, 0, 0, 0] > drawn[:, 0, 0, 7], drawn[:, 0, 0, 0] > drawn[:, 0, 7, 0]
    for axis, normal in ((3, left), (2, upper)):
        share = normal.float().mean().item()
        assert share == pytest.approx(0.5 if axis in axes else 1.0, abs=0.1 * (axis in axes))
    if len(axes) == 2:
        assert (left == upper).float().mean().item() == pytest.approx(0.5, abs=0.1)


# ------------------------------------------------------------------ what the critic sees


class Watch(Callback):
    """Keeps what the critic is shown: images and labels of each call."""

    def __init__(self) -> None:
        self.calls: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.trainer: Any = None

    def on_train_begin(self, trainer: Any) -> None:
        self.trainer = trainer
        trainer.critic.register_forward_pre_hook(
            lambda _, args: self.calls.append((args[0].detach().clone(), args[1].clone()))
        )


BATCH = 64


def watched(
    X: Any,
    y: Any,
    recipe: Recipe | None = None,
    steps: int = 1,
    options: Any = None,
    **changes: Any,
) -> tuple[Watch, GANAugmenter]:
    """Fit, and return what was seen."""
    recipe = recipe or Recipe.preset("dcgan", data="image").replace(width=4)
    watch = Watch()
    augmenter = GANAugmenter(
        recipe=recipe.replace(**changes) if changes else recipe,
        max_steps=steps, image_options=options, callbacks=[watch], random_state=0,
    )  # fmt: skip
    return watch, augmenter.fit(X, y)


def halves(watch: Watch) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the real and the generated images of the first step."""
    first, second = (images for images, _ in watch.calls[:2])
    if len(first) == BATCH:  # the halves apart
        return first, second
    real, fake = first.chunk(2)
    return real, fake


WHITE = np.full((80, 16, 16), 255, np.uint8)
TWO = np.repeat([0, 1], [60, 20])
BENT = Recipe.preset("warp", data="image").replace(width=4, penalty_every=1000, r1=0.0, r2=0.0)


@pytest.mark.parametrize("recipe", [None, BENT], ids=["invented", "bent"])
@pytest.mark.parametrize("change", [(), *((name,) for name in CHANGES), tuple(CHANGES)], ids=str)
def test_diff_augment_changes_what_the_critic_sees(change: tuple[str, ...], recipe: Any) -> None:
    watch, _ = watched(WHITE, TWO, recipe, diff_augment=change)
    real, fake = halves(watch)
    side = 8 if recipe else 16  # bent images are judged at half their size
    assert real.shape == fake.shape == (BATCH, 1, side, side)
    if change == ():
        assert (real == 1).all()
        assert not (fake == 0).any()
        assert not (fake == -1).any()
        return
    for images in (real, fake):
        black, grey = ((images == value).flatten(1) for value in (-1, 0))
        if change == ("translation",):
            assert 0.3 < black.any(1).float().mean() < 1
            assert black.float().mean() < 0.25
        if change == ("cutout",):
            assert grey.any(1).all()
            assert 0.06 < grey.float().mean(1).min() <= grey.float().mean(1).max() < 0.4
    if change == ("brightness",):
        each = real.flatten(1)
        assert torch.equal(each.amax(1), each.amin(1))
        assert 0.5 <= each.min() < 0.6 < 1.4 < each.max() <= 1.5
    if len(change) == 3:
        assert len(real.unique()) > 64


def test_diff_augment_teaches_the_generator_through_the_change() -> None:
    """The same start and the same draws, another gradient."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (80, 16, 16), dtype=np.uint8)
    plain, changed = (
        watched(X, TWO, diff_augment=names)[0].trainer.generator.state_dict()
        for names in ((), ("translation",))
    )
    assert not torch.equal(plain["enter.weight"], changed["enter.weight"])


@pytest.mark.parametrize(
    "names", [("translate",), "cutout", ("cutout", "colour"), ("brightnes",)], ids=str
)
def test_a_misspelt_change_is_refused_with_the_nearest(names: Any) -> None:
    words = "tuple|did you mean|known"
    with pytest.raises(ConfigError, match=words):
        Recipe.preset("dcgan", data="image").replace(diff_augment=names)


@pytest.mark.parametrize("switch", [
    {"diff_augment": ("cutout",)}, {"embedding_noise": 0.5}, {"shared_stages": 1},
    {"reconstruction": 1.0},
])  # fmt: skip
def test_switches_for_images_are_refused_for_tables(switch: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(switch))}.*(image|mlp)"):
        Recipe.preset("auto").replace(**switch)


def test_a_recipe_with_all_switches_survives_json() -> None:
    import json

    recipe = Recipe.preset("auto", data="image").replace(
        diff_augment=("cutout", "translation"), shared_stages=1, embedding_noise=0.3,
        class_balance_start=0.0,
    )  # fmt: skip
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


@pytest.mark.parametrize("label_safe", [(), ("hflip",), ("vflip",)], ids=str)
@pytest.mark.parametrize("recipe", [None, BENT], ids=["invented", "bent"])
def test_mirrored_images_are_shown_only_if_that_keeps_the_label(
    recipe: Any, label_safe: tuple[str, ...]
) -> None:
    X = WHITE.copy()
    X[:, :, 8:] = 100
    X[:, 8:] //= 2
    watch, _ = watched(X, TWO, recipe, options=ImageOptions(label_safe=label_safe))
    real, _ = halves(watch)
    mirrored = real[:, 0, 0, 0] < real[:, 0, 0, -1]
    upside_down = real[:, 0, 0, 0] < real[:, 0, -1, 0]
    for found, name in ((mirrored, "hflip"), (upside_down, "vflip")):
        share = found.float().mean().item()
        assert 0.3 < share < 0.7 if name in label_safe else share == 0


def shares(watch: Watch, steps: int) -> torch.Tensor:
    """Return the share of the rare class in each step."""
    per_step = len(watch.calls) // steps
    return torch.stack([labels.float().mean() for _, labels in watch.calls[::per_step]])


@pytest.mark.parametrize(
    ("start", "end", "first", "final"),
    [(None, 0.0, 0.5, 0.5), (None, 1.0, 0.1, 0.1), (1.0, 0.0, 0.1, 0.5), (0.0, 1.0, 0.5, 0.1)],
)
def test_the_balance_of_classes_moves_while_training(
    start: float | None, end: float, first: float, final: float
) -> None:
    X, y = WHITE[:60, :8, :8], np.repeat([0, 1], [54, 6])
    steps = 60
    watch, _ = watched(X, y, steps=steps, class_balance_start=start, class_balance=end)
    rare = shares(watch, steps)
    assert len(rare) == steps
    assert rare[:10].mean().item() == pytest.approx(first, abs=0.06)
    assert rare[-10:].mean().item() == pytest.approx(final, abs=0.06)
    if first != final:
        middle = rare[25:35].mean().item()  # exponent one half: a quarter
        assert middle == pytest.approx(0.25, abs=0.06)


@pytest.mark.parametrize("recipe", ["dcgan", "residual"])
def test_noise_on_the_class_follows_the_counts(recipe: str) -> None:
    X, y = WHITE[:, :8, :8], TWO
    base = Recipe.preset("auto", data="image").replace(kind=recipe, width=4, small_classes="gan")
    quiet, noisy = (
        watched(X, y, base, embedding_noise=noise)[0].trainer.generator for noise in (0.0, 2.0)
    )
    assert noisy.classes.deviation.tolist() == pytest.approx([2 / 60**0.5, 2 / 20**0.5])
    noise = torch.randn(4, noisy.noise_dim, generator=torch_stream(0))
    labels = torch.tensor([0, 0, 1, 1])
    for net, moves in ((quiet, False), (noisy, True)):
        a, b = (net.train()(noise, labels, None, torch_stream(seed)) for seed in (0, 1))
        assert torch.equal(a, b) != moves
        a, b = (net.eval()(noise, labels, None, torch_stream(seed)) for seed in (0, 1))
        assert torch.equal(a, b)


@pytest.mark.parametrize("recipe", ["dcgan", "residual"])
def test_shared_stages_train_and_sample(recipe: str) -> None:
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (80, 32, 32), dtype=np.uint8)
    base = Recipe.preset("auto", data="image").replace(
        kind=recipe, width=4, depth=1, small_classes="gan"
    )
    for shared in (0, 1, 2):
        watch, augmenter = watched(X, TWO, base, steps=2, shared_stages=shared)
        net = watch.trainer.generator
        told = net.enter.in_features - net.noise_dim
        assert (told == 0) == (shared > 0), "the smallest feature map is not told the class"
        assert augmenter.sample({0: 2, 1: 2})[0].shape == (4, 32, 32)


def test_reconstruction_is_learned_and_has_its_weight() -> None:
    """With a critic that stands still: what falls is the lesson."""
    rng = np.random.default_rng(0)
    X = np.zeros((60, 16, 16), np.uint8)
    for image, (top, left) in zip(X, rng.integers(2, 8, (60, 2)), strict=True):
        image[top : top + 6, left : left + 6] = 255
    y = np.repeat([0, 1], [40, 20])
    recipe = BENT.replace(critic_learning_rate=0.0, selection="none", ema=0.0)
    _, learned = watched(X, y, recipe, steps=60, reconstruction=3.0)
    _, barely = watched(X, y, recipe, steps=60, reconstruction=1e-9)
    falls = [np.mean(a.history_["reconstruction"][-3:]) for a in (learned, barely)]
    start = learned.history_["reconstruction"][0]
    assert falls[0] < 0.9 * start
    assert falls[0] < 0.9 * falls[1]


def test_only_bending_has_a_reconstruction() -> None:
    with pytest.raises(ConfigError, match="reconstruction"):
        Recipe.preset("dcgan", data="image").replace(reconstruction=1.0)
    with pytest.raises(ConfigError, match="reconstruction"):
        Recipe.preset("warp", data="image").replace(reconstruction=0.0)
    _, augmenter = watched(WHITE, TWO)
    assert "reconstruction" not in augmenter.history_.records[0]
    _, augmenter = watched(WHITE, TWO, BENT)
    assert augmenter.history_.records[0]["reconstruction"] > 0


def test_images_have_fewer_lines_of_history_than_rows() -> None:
    _, augmenter = watched(WHITE[:, :8, :8], TWO, steps=50)
    history = augmenter.history_
    assert 10 <= len(history.records) <= TrainingImages.records
    assert history["step"][-1] == 50
    assert all(np.isfinite(history[name]).all() for name in ("critic_loss", "diversity[0]"))
