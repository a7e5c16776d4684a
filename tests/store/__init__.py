"""The store on real files, and what it does when they, the disk or a process fail."""
