"""Puts the project's folder, where the package ``bench`` lies, on the path; it is not installed."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3]))
