"""Where ``arb report`` starts."""

import os
import sys

from arb_pipeline.report.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
