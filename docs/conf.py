"""Sphinx configuration.

Build with ``sphinx-build -W --keep-going -b html docs docs/_build/html``.
"""

import ganaug

project = "ganaug"
author = "the ganaug developers"
copyright = author
version = release = ganaug.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"ganaug {version}"
html_show_sphinx = False

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"  # the numpydoc sections name the types
numpydoc_show_class_members = False  # autodoc lists them

# A reference that leads nowhere fails the build. What other libraries document is out of reach
# here: the build works offline.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(imblearn|numpy|pandas|sklearn|torch)\..*")]

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
