"""Sphinx's settings for the pages of the browser edition."""

project, author = "Task Cards", "Task Cards contributors"
copyright = "Task Cards contributors, CC-BY 4.0"  # noqa: A001 - Sphinx's name
extensions = ["myst_nb"]
nb_execution_mode = "off"  # the notebooks have their outputs
myst_enable_extensions: list[str] = []
myst_heading_anchors = 3
html_theme = "pydata_sphinx_theme"
html_title = "Task Cards"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_js_files = [("plotly.min.js", {"defer": "defer"}), ("pages.js", {"defer": "defer"})]
html_show_sourcelink = html_show_sphinx = html_copy_source = False
html_sidebars = {"**": ["globaltoc.html"], "index": []}
html_context = {"default_mode": "auto"}
html_theme_options = {
    "navbar_align": "left",
    "navbar_center": [],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
}
suppress_warnings = ["myst.header", "myst.xref_missing", "mystnb.unknown_mime_type"]
exclude_patterns: list[str] = []
