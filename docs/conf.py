"""Settings of the documentation site; `make docs` builds it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import rubbercarbon  # noqa: E402

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "rubbercarbon"
author = "The rubbercarbon developers"
project_copyright = author
version = release = rubbercarbon.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
language = "en"
html_theme = "furo"
html_title = f"rubbercarbon {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
highlight_language = "none"
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
myst_links_external_new_tab = True
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # units and shapes are in the docstrings
autodoc_default_options = {"members": True, "exclude-members": "model_config"}
napoleon_google_docstring = False
napoleon_use_rtype = False


def _write_generated(app: Sphinx) -> None:
    """Pages and figures made from the catalogue, before the sources are read."""
    import api_pages  # noqa: PLC0415
    import command_pages  # noqa: PLC0415
    import figures  # noqa: PLC0415
    import provenance  # noqa: PLC0415

    target = Path(app.srcdir) / "generated"
    provenance.write(target / "provenance")
    api_pages.write(target)
    command_pages.write(target)
    figures.write(target)


def _name_files_outside(app: Sphinx, page: str, content: list[str]) -> None:
    """Links to files of the source that are no pages of the site become their names."""
    root = Path(app.srcdir).resolve()

    def named(link: re.Match[str]) -> str:
        target = (root / page).parent.joinpath(link[2]).resolve()
        if target.is_relative_to(root) or not target.is_file():
            return link[0]
        return f"{link[1]} (`{target.relative_to(root.parent).as_posix()}`)"

    content[0] = re.sub(r"\[([^\]]+)\]\((\.\.?/[^)#\s]+)\)", named, content[0])


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("builder-inited", _write_generated)
    app.connect("source-read", _name_files_outside)
