"""Spectral normalisation of a critic's weights, with an explicit source of random numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils import parametrize

WARM_UP = 15
"""Power iterations before training, for an estimate close to the largest singular value;
torch's own parametrisation also does 15."""


class SpectralNorm(nn.Module):
    """Divides a weight by its largest singular value (Miyato et al. 2018).

    One power iteration for each use in training follows the changing value. The version in
    ``torch.nn.utils.parametrizations`` is not used: it draws its first vector from the global
    generator.

    Parameters
    ----------
    weight : Tensor of two dimensions or more
        The first dimension is that of the outputs.
    generator : torch.Generator
        Source of the first vector of the iteration.
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
        # A new tensor, since the gradient of an earlier use may still need the old one.
        self.u = normalize(matrix @ v, dim=0)
        return v

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight with a largest singular value of about 1."""
        matrix = weight.flatten(1)
        v = self._iterate(matrix) if self.training else normalize(matrix.T @ self.u, dim=0)
        return weight / torch.dot(self.u, matrix @ v)


def normalise_spectrally(network: nn.Module, generator: torch.Generator) -> None:
    """Give all weights of a network, and its class embedding, a largest singular value of 1."""
    # Lists, since a registration adds modules and replaces parameters.
    for module in list(network.modules()):
        for name, weight in list(module.named_parameters(recurse=False)):
            if weight.dim() >= 2:
                parametrize.register_parametrization(module, name, SpectralNorm(weight, generator))
