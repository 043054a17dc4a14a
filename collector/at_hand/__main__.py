"""``python -m collector.at_hand``: started by the pages' server, for a run's model."""

import sys

from collector.at_hand.serving import serve

if __name__ == "__main__":
    sys.exit(serve())
