"""What `--save` writes: pictures with what was seen drawn into them, none over another or over its own original."""

from collections.abc import Iterable
from itertools import chain, count
from os.path import realpath  # of a link that points at itself Path.resolve raises RuntimeError
from pathlib import Path

from edge.boxes import Image
from edge.draw import jpeg
from edge.errors import UsageError


class DrawnPictures:
    """The folder of one run; what lies there from an earlier one is replaced."""

    def __init__(self, folder: Path, quality: int) -> None:
        self._folder, self._quality = folder, quality
        self._taken: set[Path] = set()

    def check_apart(self, pictures: Iterable[Path]) -> None:
        """Raises UsageError where what is drawn would lie among the pictures, and so replace some of them."""
        folder = Path(realpath(self._folder))
        for picture in pictures:
            if folder in (Path(realpath(picture.parent)), Path(realpath(picture)).parent):  # also behind a link
                says = f"{picture} itself lies there and would be replaced; name another folder"
                raise UsageError(f"--save {self._folder}: {says}")

    def place(self, stem: str) -> Path:
        """The file for a picture of that name, with a number where another has it.

        Asked for every picture, also one that cannot be read: so names are the same whichever could be.
        """
        names = chain([stem], (f"{stem}-{number}" for number in count(2)))
        path = next(path for name in names if (path := self._folder / f"{name}.jpg") not in self._taken)
        self._taken.add(path)
        return path

    def write(self, path: Path, drawn: Image) -> None:
        """Raises UsageError where nothing can be written."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jpeg(drawn, self._quality))
        except OSError as why:
            raise UsageError(f"--save {self._folder}: {why.strerror}; name a folder that can be written") from why
