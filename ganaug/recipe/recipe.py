"""A GAN as data: networks, conditioning, loss, regularizers and schedule.

There is one trainer and no class per GAN. A preset is a row of :mod:`ganaug.recipe.presets`; a user
changes a piece with :meth:`Recipe.replace`, and :mod:`ganaug.recipe.rules` refuses impossible
combinations, before any work.
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
    """Shape of the two networks.

    Parameters
    ----------
    kind : str, default="mlp"
        ``mlp``: residual multilayer perceptrons, for tables. For images ``image-mlp``: the same on
        pixels, ``dcgan``: dense strided convolutions (Radford et al. 2016), ``residual``: norm-free
        grouped residual blocks, ``warp``: a generator that bends real images, with the critic of
        ``dcgan``, and ``light``: a generator that puts real images in another light. For pairs of
        images ``unet``: a U-Net with a critic of patches (Isola et al. 2017).
    width : int, default=128
        Units in each hidden layer; channels of the largest feature map.
    depth : int, default=2
        Residual blocks in each network, or at each size of the feature map; unused by ``dcgan``.
    noise_dim : int, default=32
        Length of the generator's noise vector.
    embedding_dim : int, default=16
        Length of the generator's class embedding.
    generator_norm, critic_norm : {"none", "layer", "batch"}
        Normalisation inside the blocks. A critic with batch norm cannot have a gradient
        penalty: the penalty is defined per sample and batch norm mixes samples.
    embedding_noise : float, default=0.0
        Images: noise on the class embedding while training, for a class of one image; it falls
        with the square root of the count.
    temperature : float, default=1.0
        ``warp``: standard deviation of the noise when sampling; in training it is 1.
    shared_stages : int, default=0
        Images: the first sizes of the generator's feature map that are not told the class, and
        so belong to all classes.
    progressive : float, default=0.0
        ``dcgan``, ``residual``: share of training over which both networks grow from the smallest
        size of their feature maps to the images', each new size fading in (Karras et al. 2018).
    minibatch_stddev : bool, default=False
        Tell the critic how much four samples beside each other differ (Karras et al. 2018).
    spectral_norm : bool, default=False
        Divide each weight of the critic by its largest singular value (Miyato et al. 2018).
    dropout : float, default=0.0
        ``unet``: share of the features dropped in the first stages up, also when sampling: its
        noise.

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
        """Whether what the critic says of a row depends on the other rows of its batch."""
        return self.critic_norm == "batch" or self.minibatch_stddev


@dataclass(frozen=True)
class Regularizers:
    """Weights of the penalties; 0 switches one off.

    Parameters
    ----------
    gradient_penalty : float
        WGAN-GP: squared distance of the critic's gradient norm from 1 between real and
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
        ``kind="warp"``: weight of what the generator learns from pairs of real images of a class,
        beside the critic.
    l1 : float
        ``kind="unet"``: mean absolute difference from the real image of each pair, added to the
        generator's loss (Isola et al. 2017).
    mode_seeking : float
        Distance of two noises over the distance of what the generator makes of them, added to its
        loss (Mao et al. 2019).
    historical_average : float
        Squared distance of a network's weights from their mean over training so far, added to both
        losses (Salimans et al. 2016).
    lecam : float
        Squared distances of the critic's answers to real rows from the moving average of those to
        generated ones, and the other way round (Tseng et al. 2021).
    penalty_every : int
        Apply the gradient-based penalties at each ``penalty_every``-th critic step, scaled up to
        keep their mean strength (lazy regularization, Karras et al. 2020).

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
    """How training proceeds.

    Parameters
    ----------
    learning_rate, critic_learning_rate : float
        Adam's step sizes for generator and critic; two values are the two-time-scale update
        rule, TTUR (Heusel et al. 2017).
    beta1, beta2 : float
        Adam's moments.
    n_critic : int
        Critic steps for each generator step.
    batch_size : int
        Rows in a step, drawn with replacement; an estimator's ``batch_size`` overrides it.
    label_smoothing : float
        One-sided: the critic's target for real rows is ``1 - label_smoothing``.
    replay : float
        Share of the generated rows shown to the critic that are from earlier steps (Shrivastava
        et al. 2017).
    pac : int
        Rows of one class shown to the critic as one sample (PacGAN, Lin et al. 2018).
    ema : float
        Decay per step of the averaged generator that sampling uses; 0 uses the last one. Early in
        training the decay is smaller, so that the average is never dominated by the start.
    burn_in : float
        Fraction of the steps over which the learning rate falls to ``final_rate`` of its start and
        the R1 and R2 weights to ``final_penalty`` of theirs; 0 keeps both constant.
    final_rate, final_penalty : float
        See ``burn_in``.
    class_balance : float
        Classes are drawn with probability proportional to ``count ** class_balance``: 1 is the
        natural frequency, 0 makes all classes equal.
    class_balance_start : float or None
        The exponent at the start of training, which then moves evenly to ``class_balance``; None
        keeps it constant.

    Examples
    --------
    >>> from ganaug import Schedule
    >>> Schedule(n_critic=5).n_critic
    5
    """

    learning_rate: float = 2e-4
    critic_learning_rate: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.9
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
        Shown in reports.
    architecture : Architecture
        The networks.
    conditioning : {"per-class", "concat", "projection", "image"}
        ``per-class`` trains one unconditional GAN a class; ``concat`` gives the label to both
        networks as an extra input (Mirza and Osindero 2014); ``projection`` adds the inner product
        of a class embedding with the critic's features (Miyato and Koyama 2018); ``image`` gives
        both the source image (Isola et al. 2017).
    loss : str
        One of minimax, non-saturating, least-squares, hinge, wasserstein, relativistic, or your
        own, named in ``ganaug.registry.LOSSES``.
    regularizers : Regularizers
        Weights of the penalties.
    schedule : Schedule
        Optimizers and proportions.
    small_classes : {"gan", "auto"}
        ``gan`` trains the GAN on every class. ``auto`` may choose another method for a class
        that is too small for a free generator; the choice stands in ``plan_``.
    selection : {"none", "evidence"}
        Whether samples are kept as they come, or chosen by class evidence and distance from the
        training rows.
    diff_augment : tuple of {"translation", "cutout", "brightness"}
        Images: random changes that the critic sees on real and generated images alike, through
        which the generator learns (DiffAugment, Zhao et al. 2020).

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
        if isinstance(self.diff_augment, (list, tuple)):  # JSON has lists only
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
        data : {"table", "image", "pair"}, default="table"
            What it is for. "dcgan", "warp" and "light" are for images only, "pix2pix" is for pairs
            of images.

        Returns
        -------
        Recipe

        Raises
        ------
        ConfigError
            If there is no such preset.

        Examples
        --------
        >>> from ganaug import Recipe
        >>> Recipe.preset("auto").loss
        'relativistic'
        """
        return cls().replace(**find_preset(name, data), name=name)

    def replace(self, **changes: Any) -> Recipe:
        """Return a copy with some fields changed, wherever they are nested.

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
            If a name is unknown (the nearest one is suggested) or the result is impossible.

        Examples
        --------
        >>> from ganaug import Recipe
        >>> Recipe.preset("gan").replace(loss="minimax", label_smoothing=0.1).name
        'gan*'
        """
        own = {f.name for f in dataclasses.fields(self)}
        nested: dict[str, dict[str, Any]] = {}
        top: dict[str, Any] = {}
        for key, value in changes.items():
            if key in own:
                top[key] = value
            elif key in _NESTED_FIELDS:
                nested.setdefault(_NESTED_FIELDS[key], {})[key] = value
            else:
                known = [*own, *_NESTED_FIELDS]
                raise ConfigError(f"Recipe has no field {key!r}; {did_you_mean(key, known)}")
        for part, values in nested.items():
            top[part] = dataclasses.replace(top.get(part, getattr(self, part)), **values)
        if top and "name" not in top:
            top["name"] = self.name if self.name.endswith("*") else f"{self.name}*"
        return dataclasses.replace(self, **top)

    def _flat(self) -> dict[str, Any]:
        """Return all fields by name, with those of the parts; no name stands twice."""
        own = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        parts = [own.pop(name) for name in _PARTS]
        for part in parts:
            own |= vars(part)
        return own

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
        """Return the recipe that :meth:`to_dict` described.

        Raises
        ------
        ConfigError
            If a field is unknown or has an impossible value.

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
