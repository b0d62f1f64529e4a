"""Optical character recognition: text of pictures, by RapidOCR, whose models come with it."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from serdab.core import expected
from serdab.knowledge.reading.refusals import MalformedDocument, TextlessDocument, TooLargeDocument

if TYPE_CHECKING:
    import numpy as np

    Pixels = np.ndarray[Any, np.dtype[np.uint8]]

#: Most frames of a picture that are recognised, and most pixels of each.
MOST_FRAMES = 20
MOST_PIXELS = 40_000_000
#: Longer side at which a page is looked at, pixels.
LONGER_SIDE = 1800


def is_installed() -> bool:
    """Whether the extra `ocr` is there."""
    return importlib.util.find_spec("rapidocr") is not None


def recogniser_for(wanted: bool) -> Recogniser | None:
    """A recogniser when one is wanted and can be had."""
    return Recogniser() if wanted and is_installed() else None


class Recogniser:
    """Reads pictures; the models are loaded with the first one."""

    #: Pixels to which the longer side of a page is drawn.
    longer_side = LONGER_SIDE

    def __init__(self) -> None:
        self._engine: Any = None

    def read_image(self, data: bytes) -> str:
        """The text of a PNG, JPEG or TIFF file, a form feed between its frames.

        Raises:
            MalformedDocument: it is no picture.
            TextlessDocument: no text is found in it.
            TooLargeDocument: it has too many pixels.
        """
        import io

        import numpy as np
        from PIL import Image, ImageOps, UnidentifiedImageError

        pages = []
        try:
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "TIFF")) as image:
                for frame in range(min(getattr(image, "n_frames", 1), MOST_FRAMES)):
                    image.seek(frame)
                    if image.width * image.height > MOST_PIXELS:
                        size = f"{image.width:,} × {image.height:,}"
                        raise TooLargeDocument(expected("the picture", f"at most {MOST_PIXELS:,} pixels", size))
                    upright = ImageOps.exif_transpose(image).convert("RGB")
                    upright.thumbnail((LONGER_SIDE, LONGER_SIDE))
                    pages.append(self.read_pixels(np.asarray(upright)[:, :, ::-1]))
        except UnidentifiedImageError as error:
            raise MalformedDocument(expected("the picture", "a whole PNG, JPEG or TIFF", "something else")) from error
        except (Image.DecompressionBombError, OSError, SyntaxError, EOFError) as error:
            raise MalformedDocument(expected("the picture", "a whole one", str(error)[:200])) from error
        if not any(page.strip() for page in pages):
            raise TextlessDocument(expected("the picture", "text on it", "none"))
        return "\f".join(pages)

    def read_pixels(self, pixels: Pixels) -> str:
        """The text of a picture, blue first, in lines from top to bottom; cells of a line are tab-parted."""
        from serdab.knowledge.reading.layout import Word, lines_of

        if self._engine is None:
            from rapidocr import RapidOCR

            self._engine = RapidOCR(
                params={"Global.log_level": "critical", "EngineConfig.onnxruntime.intra_op_num_threads": 1}
            )
        found = self._engine(pixels)
        if found.boxes is None or found.txts is None:
            return ""
        height = pixels.shape[0]
        words = []
        for box, text in zip(found.boxes, found.txts, strict=True):
            xs, ys = [float(point[0]) for point in box], [height - float(point[1]) for point in box]
            words.append(Word(text=text, left=min(xs), bottom=min(ys), right=max(xs), top=max(ys)))
        return "\n".join(lines_of(words))
