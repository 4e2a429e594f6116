"""A GAN as data: networks, conditioning, loss, regularizers and schedule.

One trainer trains all GANs; there is no class for each. A preset is a row of
:mod:`ganaug.recipe.presets`, and :meth:`Recipe.replace` changes parts of it.
:mod:`ganaug.recipe.rules` checks each recipe when it is made, before any training.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ganaug.errors import ConfigError, did_you_mean
from ganaug.recipe.presets import find_preset
from ganaug.recipe.rules import check_fields, check_rules, uses_input_gradient

Conditioning = Literal["per-class", "concat", "projection", "image"]
Norm = Literal["none", "layer", "batch"]
Kind = Literal["mlp", "image-mlp", "dcgan", "residual", "warp", "light", "unet"]
Data = Literal["table", "image", "pair"]


@dataclass(frozen=True)
class Architecture:
    """Kind and sizes of the two networks.

    Parameters
    ----------
    kind : str, default="mlp"
        For tables: ``mlp``, residual multilayer perceptrons. For images: ``image-mlp``, the same on
        pixels; ``dcgan``, strided convolutions (Radford et al. 2016); ``residual``, residual blocks
        of grouped convolutions without normalisation; ``warp``, a generator that warps real images,
        with the critic of ``dcgan``; ``light``, a generator that re-lights real images. For pairs
        of images: ``unet``, a U-Net with a patch critic (Isola et al. 2017).
    width : int, default=128
        Units in each hidden layer, or channels of the largest feature map.
    depth : int, default=2
        Residual blocks in each network, or at each size of the feature maps; ``dcgan`` has none.
    noise_dim : int, default=32
        Length of the generator's noise vector.
    embedding_dim : int, default=16
        Length of the generator's class embedding.
    generator_norm, critic_norm : {"none", "layer", "batch"}
        Kind of the normalisation layers. A critic with batch norm cannot have a gradient penalty:
        the penalty is defined for each sample, and batch norm mixes samples.
    embedding_noise : float, default=0.0
        Images: standard deviation of the noise on the class embedding in training, for a class of
        one image. It falls with the square root of the number of images.
    temperature : float, default=1.0
        ``warp``: standard deviation of the noise when sampling; in training it is 1.
    shared_stages : int, default=0
        ``dcgan``, ``residual``: number of sizes of the generator's feature maps, from the smallest
        on, that do not depend on the class.
    progressive : float, default=0.0
        ``dcgan``, ``residual``: share of training over which both networks grow from the smallest
        size of their feature maps to that of the images; each new size fades in (Karras et al.
        2018). 0 trains at full size from the start.
    minibatch_stddev : bool, default=False
        Whether the critic also gets the spread of four adjacent samples (Karras et al. 2018).
    spectral_norm : bool, default=False
        Whether each weight matrix of the critic is divided by its largest singular value (Miyato et
        al. 2018).
    dropout : float, default=0.0
        ``unet``: share of the features that are dropped in the first stages on the way up. It is
        the noise of this generator, so it is also active when sampling.

    Examples
    --------
    >>> from ganaug import Architecture
    >>> Architecture(width=64).width
    64
    """

    kind: Kind = "mlp"
    width: int = 128
    depth: int = 2
    noise_dim: int = 32
    embedding_dim: int = 16
    generator_norm: Norm = "none"
    critic_norm: Norm = "none"
    embedding_noise: float = 0.0
    temperature: float = 1.0
    shared_stages: int = 0
    progressive: float = 0.0
    minibatch_stddev: bool = False
    spectral_norm: bool = False
    dropout: float = 0.0

    @property
    def critic_mixes_rows(self) -> bool:
        """Whether the critic's score of a row depends on the other rows of its batch."""
        return self.critic_norm == "batch" or self.minibatch_stddev


@dataclass(frozen=True)
class Regularizers:
    """Weights of the penalties; 0 switches a penalty off.

    Parameters
    ----------
    gradient_penalty : float
        WGAN-GP: squared distance of the critic's gradient norm from 1 at points between real and
        generated rows (Gulrajani et al. 2017).
    weight_clip : float
        WGAN: largest absolute weight of the critic after each step (Arjovsky et al. 2017).
    r1, r2 : float
        Half the squared gradient norm of the critic at real (R1) and generated (R2) rows
        (Mescheder et al. 2018).
    feature_matching : float
        Squared distance between the critic's mean features of real and of generated rows,
        added to the generator's loss (Salimans et al. 2016).
    reconstruction : float
        ``kind="warp"``: loss of warping real images into other images of their class, added to the
        generator's loss.
    l1 : float
        ``kind="unet"``: mean absolute difference from the real image of each pair, added to the
        generator's loss (Isola et al. 2017).
    mode_seeking : float
        Distance of two noise vectors over the distance of the rows generated from them, added to
        the generator's loss (Mao et al. 2019).
    historical_average : float
        Squared distance of a network's weights from their mean over training so far, added to both
        losses (Salimans et al. 2016).
    lecam : float
        Squared distance of the critic's logits of real rows from the moving average of those of
        generated rows, and vice versa (Tseng et al. 2021).
    penalty_every : int
        Critic steps from one application of the gradient-based penalties to the next. Their weight
        is multiplied by this number, to keep their mean strength (lazy regularization, Karras et
        al. 2020).

    Examples
    --------
    >>> from ganaug import Regularizers
    >>> Regularizers(r1=0.1, r2=0.1).r1
    0.1
    """

    gradient_penalty: float = 0.0
    weight_clip: float = 0.0
    r1: float = 0.0
    r2: float = 0.0
    feature_matching: float = 0.0
    reconstruction: float = 0.0
    l1: float = 0.0
    mode_seeking: float = 0.0
    historical_average: float = 0.0
    lecam: float = 0.0
    penalty_every: int = 1

    @property
    def uses_input_gradient(self) -> bool:
        """Whether a penalty differentiates the critic by its input."""
        return uses_input_gradient(vars(self))


@dataclass(frozen=True)
class Schedule:
    """Optimizers, batches, and their changes during training.

    Parameters
    ----------
    learning_rate, critic_learning_rate : float
        Adam's learning rates for generator and critic. Two different ones are the two-time-scale
        update rule, TTUR (Heusel et al. 2017).
    beta1, beta2 : float
        Adam's decay rates of the first and second moment.
    n_critic : int
        Critic steps for each generator step.
    batch_size : int
        Rows in a step, drawn with replacement. The ``batch_size`` of an estimator overrides it.
    label_smoothing : float
        The critic's target for real rows is ``1 - label_smoothing`` (one-sided smoothing, Salimans
        et al. 2016).
    replay : float
        Share of the critic's generated rows that are from earlier steps (Shrivastava et al. 2017).
    pac : int
        Rows of one class that the critic scores as one sample (PacGAN, Lin et al. 2018).
    ema : float
        Decay per step of the averaged generator (EMA), which sampling uses; 0 uses the last
        weights. Early in training the decay is smaller, so that the untrained weights of the start
        have no lasting effect.
    burn_in : float
        Fraction of the steps over which the learning rates fall to ``final_rate`` times their start
        and the weights of R1 and R2 to ``final_penalty`` times theirs. 0 keeps all constant.
    final_rate, final_penalty : float
        See ``burn_in``.
    class_balance : float
        Classes are drawn with probability proportional to ``count ** class_balance``: 1 draws them
        at their natural frequency, 0 equally often.
    class_balance_start : float or None
        Exponent at the start of training, which then changes linearly to ``class_balance``. None
        keeps it constant.

    Examples
    --------
    >>> from ganaug import Schedule
    >>> Schedule(n_critic=5).n_critic
    5
    """

    learning_rate: float = 2e-4  # as DCGAN (Radford et al. 2016), also beta1
    critic_learning_rate: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.9  # as WGAN-GP (Gulrajani et al. 2017)
    n_critic: int = 1
    batch_size: int = 256
    label_smoothing: float = 0.0
    replay: float = 0.0
    pac: int = 1
    ema: float = 0.99
    burn_in: float = 0.0
    final_rate: float = 1.0
    final_penalty: float = 1.0
    class_balance: float = 0.5
    class_balance_start: float | None = None


@dataclass(frozen=True)
class Recipe:
    """A complete description of a GAN, as immutable data.

    Parameters
    ----------
    name : str
        Name in reports, file names and the progress bar.
    architecture : Architecture
        Kind and sizes of the networks.
    conditioning : {"per-class", "concat", "projection", "image"}
        How the networks receive the class. ``per-class`` trains one unconditional GAN for each
        class. ``concat`` gives both networks the label as an extra input (Mirza and Osindero 2014).
        ``projection`` adds the inner product of a class embedding with the critic's features
        (Miyato and Koyama 2018). ``image`` gives both networks the source image instead (Isola et
        al. 2017).
    loss : str
        One of minimax, non-saturating, least-squares, hinge, wasserstein and relativistic, or the
        name of your own loss in ``ganaug.registry.LOSSES``.
    regularizers : Regularizers
        Weights of the penalties.
    schedule : Schedule
        Optimizers, batches, and their changes during training.
    small_classes : {"gan", "auto"}
        ``gan`` makes every class from noise. ``auto`` chooses a method for each class by its size
        and records it in ``plan_``. Most classes are then "anchored": a synthetic row starts from a
        real row of the class and is moved by the generator.
    selection : {"none", "evidence"}
        ``none`` keeps all samples. ``evidence`` keeps those that classifiers recognise as their
        class well enough, and that are not too close to a training row.
    diff_augment : tuple of {"translation", "cutout", "brightness"}
        Images: random changes of real and generated images before the critic gets them; the
        generator learns through them (DiffAugment, Zhao et al. 2020).

    See Also
    --------
    Recipe.preset : The recipes that come with ganaug.

    Examples
    --------
    >>> from ganaug import Recipe
    >>> recipe = Recipe.preset("wgan-gp").replace(n_critic=3, width=64)
    >>> recipe.schedule.n_critic, recipe.architecture.width, recipe.loss
    (3, 64, 'wasserstein')
    """

    name: str = "custom"
    architecture: Architecture = field(default_factory=Architecture)
    conditioning: Conditioning = "projection"
    loss: str = "non-saturating"
    regularizers: Regularizers = field(default_factory=Regularizers)
    schedule: Schedule = field(default_factory=Schedule)
    small_classes: Literal["auto", "gan"] = "gan"
    selection: Literal["evidence", "none"] = "none"
    diff_augment: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.diff_augment, (list, tuple)):  # JSON has no tuples
            object.__setattr__(self, "diff_augment", tuple(self.diff_augment))
        for name, part in _PARTS.items():
            if not isinstance(getattr(self, name), part):
                raise ConfigError(f"Recipe.{name} must be a {part.__name__}.")
        for owner in (self, *(getattr(self, name) for name in _PARTS)):
            check_fields(owner)
        check_rules(self._flat())

    @classmethod
    def preset(cls, name: str, data: Data = "table") -> Recipe:
        """Return the recipe with this name.

        Parameters
        ----------
        name : {"auto", "gan", "cgan", "wgan", "wgan-gp", "dcgan", "warp", "light", "pix2pix"}
            Name of the preset.
        data : {"table", "image", "pair"}, default="table"
            Kind of data. "dcgan", "warp" and "light" are for images only, "pix2pix" is for pairs of
            images only.

        Returns
        -------
        Recipe

        Raises
        ------
        ConfigError
            If there is no such preset for this kind of data.

        Examples
        --------
        >>> from ganaug import Recipe
        >>> Recipe.preset("auto").loss
        'relativistic'
        """
        return cls().replace(**find_preset(name, data), name=name)

    def replace(self, **changes: Any) -> Recipe:
        """Return a copy with some fields changed, also those of its parts.

        Parameters
        ----------
        **changes
            Fields of the recipe, its architecture, its regularizers or its schedule.

        Returns
        -------
        Recipe

        Raises
        ------
        ConfigError
            If a name is unknown (the message names the nearest one), or if the result is not valid.

        Examples
        --------
        >>> from ganaug import Recipe
        >>> Recipe.preset("gan").replace(loss="minimax", label_smoothing=0.1).name
        'gan*'
        """
        direct = {f.name for f in dataclasses.fields(self)}
        nested: dict[str, dict[str, Any]] = {}
        top: dict[str, Any] = {}
        for key, value in changes.items():
            if key in direct:
                top[key] = value
            elif key in _NESTED_FIELDS:
                nested.setdefault(_NESTED_FIELDS[key], {})[key] = value
            else:
                known = [*direct, *_NESTED_FIELDS]
                raise ConfigError(f"Recipe has no field {key!r}; {did_you_mean(key, known)}")
        for part, values in nested.items():
            top[part] = dataclasses.replace(top.get(part, getattr(self, part)), **values)
        # A star marks a preset that was changed.
        if top and "name" not in top:
            top["name"] = self.name if self.name.endswith("*") else f"{self.name}*"
        return dataclasses.replace(self, **top)

    def _flat(self) -> dict[str, Any]:
        """Return all fields by name, including those of the parts; all names are different."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        parts = [fields.pop(name) for name in _PARTS]
        for part in parts:
            fields |= vars(part)
        return fields

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as nested dictionaries of plain values, for JSON.

        Examples
        --------
        >>> from ganaug import Recipe
        >>> Recipe.preset("wgan").to_dict()["regularizers"]["weight_clip"]
        0.01
        """
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Recipe:
        """Return the recipe of a dictionary from :meth:`to_dict`.

        Raises
        ------
        ConfigError
            If a field is unknown or its value is not valid.

        Examples
        --------
        >>> from ganaug import Recipe
        >>> recipe = Recipe.preset("wgan")
        >>> Recipe.from_dict(recipe.to_dict()) == recipe
        True
        """
        values = dict(data)
        try:
            for name, part in _PARTS.items():
                if name in values:
                    values[name] = part(**values[name])
            return cls(**values)
        except TypeError as error:
            raise ConfigError(f"Not a recipe: {error}.") from None


_PARTS = {"architecture": Architecture, "regularizers": Regularizers, "schedule": Schedule}
_NESTED_FIELDS = {f.name: part for part, kind in _PARTS.items() for f in dataclasses.fields(kind)}
