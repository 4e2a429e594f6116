"""The model card; its home is :mod:`ganaug.sharing.card`."""

from ganaug.sharing.card import write_card as write_card
