"""Spectral normalisation of a critic's weights, drawing from an explicit generator."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils import parametrize

WARM_UP = 15
"""Power iterations before training."""


class SpectralNorm(nn.Module):
    """Divides a weight by its largest singular value (Miyato et al. 2018).

    The value is followed by one power iteration for each use in training. Torch has the same in
    ``torch.nn.utils.parametrizations``, where the first vector comes from the global generator.

    Parameters
    ----------
    weight : Tensor of two dimensions or more
        The first is that of the outputs.
    generator : torch.Generator
        Source of the first vector.
    """

    u: Tensor

    def __init__(self, weight: Tensor, generator: torch.Generator) -> None:
        super().__init__()
        first = torch.randn(weight.shape[0], generator=generator).to(weight.device)
        self.register_buffer("u", normalize(first, dim=0))
        for _ in range(WARM_UP):
            self._iterate(weight.detach().flatten(1))

    @torch.no_grad()
    def _iterate(self, matrix: Tensor) -> Tensor:
        v = normalize(matrix.T @ self.u, dim=0)
        # A new tensor: the old one may be needed for the gradient of an earlier use.
        self.u = normalize(matrix @ v, dim=0)
        return v

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight with a largest singular value of about 1."""
        matrix = weight.flatten(1)
        v = self._iterate(matrix) if self.training else normalize(matrix.T @ self.u, dim=0)
        return weight / torch.dot(self.u, matrix @ v)


def normalise_spectrally(network: nn.Module, generator: torch.Generator) -> None:
    """Give all weights of a network, and its class embedding, a largest singular value of 1."""
    for module in list(network.modules()):
        for name, weight in list(module.named_parameters(recurse=False)):
            if weight.dim() >= 2:
                parametrize.register_parametrization(module, name, SpectralNorm(weight, generator))
