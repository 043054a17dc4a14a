import sys

from reactcnn_dash.cli import main

# The clustering process imports this module again under another name.
if __name__ == "__main__":
    sys.exit(main())
