"""Starting and stopping: the supervisor, its workers, and what each of them needs around it."""

from registry.serve.supervisor import run

__all__ = ["run"]
