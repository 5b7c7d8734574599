"""`python -m d2lcnn …` is the command line."""

import sys

from d2lcnn.cli import main

sys.exit(main())
