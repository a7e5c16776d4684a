"""Starting, stopping and supervising real processes, and what they do when something is in the way."""
