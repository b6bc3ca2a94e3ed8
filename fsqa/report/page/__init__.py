"""One self-contained HTML page of a study: a module and a template for each section that needs them."""

from fsqa.report.page.render import render_page

__all__ = ["render_page"]
