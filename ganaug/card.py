"""Public name of :mod:`ganaug.sharing.card`, which writes model cards."""

from ganaug.sharing.card import write_card as write_card
