"""What reads the words of a command line."""

import argparse
from typing import NoReturn

from edge.errors import one_line


class Parser(argparse.ArgumentParser):
    """Its errors stay on one line, whatever was typed."""

    def error(self, message: str) -> NoReturn:
        super().error(one_line(message))
