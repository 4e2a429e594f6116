"""Colours, figures and HTML that reports, comparisons, model cards and the demo share."""
