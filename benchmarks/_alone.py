"""How a benchmark that takes no words runs alone."""

import argparse
from collections.abc import Callable


def alone(main: Callable[[], None], doc: str | None) -> None:
    """Run it, unless somebody asks what it does, or says a word, which is refused."""
    argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    main()
