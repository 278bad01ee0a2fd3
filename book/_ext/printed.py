"""Sphinx extension: the book's SVG figures become PDF where LaTeX needs them.

LaTeX cannot take SVG. `rsvg-convert` (Debian: librsvg2-bin) makes vector PDFs of them, so the PDF
of the book has the figures of the pages. Sphinx's own converter, sphinx.ext.imgconverter, turns
them into pixels; sphinxcontrib-svg2pdfconverter does what these lines do, and every build would
need it.
"""

import shutil
import subprocess
from typing import Any

from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms.images import ImageConverter

PROGRAM = "rsvg-convert"


class SvgToPdf(ImageConverter):
    """Convert SVG to PDF for builders that cannot show SVG."""

    conversion_rules = [("image/svg+xml", "application/pdf")]  # noqa: RUF012

    def is_available(self) -> bool:
        """Whether the program is there; without it the build stops and says what is missing."""
        if shutil.which(PROGRAM) is None:
            raise ExtensionError(f"{PROGRAM} is missing: LaTeX needs it (Debian: librsvg2-bin)")
        return True

    def convert(self, _from: str, _to: str) -> bool:
        """Convert one file."""
        command = [PROGRAM, "--format=pdf", f"--output={_to}", _from]
        subprocess.run(command, check=True)
        return True


def setup(app: Any) -> dict[str, Any]:
    """Register the extension."""
    app.add_post_transform(SvgToPdf)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
