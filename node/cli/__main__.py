"""`python -P -m node.cli`: the same as `consilience`, where the script is not on the PATH."""

import sys

from . import main

sys.exit(main())
