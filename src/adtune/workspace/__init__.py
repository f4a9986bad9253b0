"""The durable workspace: archives, artifacts, runs and drafts in one directory (floor 1).

Importing this package loads neither SQLAlchemy nor alembic; opening a workspace does.
"""

from .workspace import Workspace

__all__ = ["Workspace"]
