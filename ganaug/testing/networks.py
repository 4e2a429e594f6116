"""Check a generator and a critic: what training, sampling and saving ask of them."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from ganaug.errors import ConfigError, did_you_mean
from ganaug.recipe.rules import KINDS
from ganaug.registry import IMAGE_NETWORKS, image_networks
from ganaug.testing.network_outputs import (
    builds,
    condition_matters,
    critic_is_told,
    critic_keeps_packs_apart,
    has_what_training_reads,
    keeps_samples_apart,
    makes_finite_floats,
    makes_the_shape,
    noise_matters,
    repeats_itself,
    scores_each_pack,
    stays_in_range,
)
from ganaug.testing.network_weights import (
    copies_are_their_own,
    every_weight_learns,
    grows,
    leaves_global_random_state,
    moves_between_devices,
    other_seed_other_weights,
    same_seed_same_weights,
    survives_saving,
)
from ganaug.testing.report import CheckReport, Checks, OnFail, run_checks
from ganaug.testing.settings import OTHERS, NetworkSubject

NETWORK_CHECKS: Checks[NetworkSubject] = {
    builds: (),
    has_what_training_reads: (builds,),
    makes_the_shape: (has_what_training_reads,),
    stays_in_range: (makes_the_shape,),
    makes_finite_floats: (makes_the_shape,),
    scores_each_pack: (makes_the_shape,),
    same_seed_same_weights: (builds,),
    other_seed_other_weights: (builds,),
    repeats_itself: (makes_finite_floats,),
    keeps_samples_apart: (repeats_itself,),
    critic_keeps_packs_apart: (scores_each_pack,),
    noise_matters: (makes_finite_floats,),
    condition_matters: (makes_finite_floats,),
    critic_is_told: (scores_each_pack,),
    every_weight_learns: (makes_finite_floats, scores_each_pack),
    survives_saving: (same_seed_same_weights, repeats_itself, scores_each_pack),
    copies_are_their_own: (repeats_itself,),
    moves_between_devices: (builds,),
    grows: (makes_finite_floats, scores_each_pack),
    leaves_global_random_state: (makes_finite_floats, scores_each_pack),
}
"""What every pair of networks must pass."""


def check_network(
    network: str | Callable[..., nn.Module],
    critic: Callable[..., nn.Module] | None = None,
    *,
    on_fail: OnFail = "raise",
) -> CheckReport:
    """Check a generator and a critic: shapes, randomness, gradients, copies and saving.

    They are built several times, from small images of several sizes, and are not trained.

    Parameters
    ----------
    network : str or callable
        A kind of network: a name in :data:`ganaug.registry.IMAGE_NETWORKS`, "mlp" or "unet". Or the
        class of a generator that makes images from noise.
    critic : callable or None, default=None
        The class of the critic that goes with a generator.
    on_fail : {"raise", "report"}, default="raise"
        What to do if a check fails: raise the table of what is missing, or return all results.

    Returns
    -------
    CheckReport

    Raises
    ------
    CheckError
        If a check fails and ``on_fail`` is "raise".
    ConfigError
        If there is no such kind, or one of the two networks is not given.

    Examples
    --------
    >>> from ganaug.nets.dcgan import DCGANCritic, DCGANGenerator
    >>> from ganaug.testing import check_network
    >>> class Forgetful(DCGANGenerator):
    ...     def forward(self, noise, labels, anchors, random):
    ...         return super().forward(noise, labels * 0, anchors, random)
    >>> check_network(Forgetful, DCGANCritic, on_fail="report").failed
    ('condition_matters',)
    """
    if isinstance(network, str) != (critic is None):
        raise ConfigError("Give a kind of network, or a generator and a critic.")
    if critic is not None and not isinstance(network, str):
        # For networks that were added, the rules are those of the plainest kind.
        subject = NetworkSubject("image-mlp", (network, critic))
        names = (getattr(each, "__name__", repr(each)) for each in (network, critic))
        return run_checks(f"networks {' and '.join(names)}", NETWORK_CHECKS, subject, on_fail)
    kind, known = str(network), {*KINDS, *IMAGE_NETWORKS}
    if kind not in known:
        raise ConfigError(f"kind={kind!r} is not possible; {did_you_mean(kind, known)}")
    made = (nn.Module, nn.Module) if kind in OTHERS else image_networks(kind)
    return run_checks(f"networks {kind!r}", NETWORK_CHECKS, NetworkSubject(kind, made), on_fail)
