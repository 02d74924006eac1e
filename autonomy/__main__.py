"""`python -m autonomy` is the command line."""

import sys

from autonomy.cli.main import main

sys.exit(main())
