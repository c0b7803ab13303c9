"""`python -m actors.console` is the command `actortree`."""

import sys

from actors.console import main

sys.exit(main())
