"""Colours, figures and HTML of reports, comparisons, model cards and the demo."""
