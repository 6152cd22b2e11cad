"""`python -m edge` is the command `fieldeye`, where scripts are not on the path."""

import sys

from edge.cli import main

sys.exit(main())
