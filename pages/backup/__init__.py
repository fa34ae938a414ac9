"""Backup and restore: the whole database and the files as one portable archive, across databases."""

from pages.backup.archive import ArchiveError, Manifest
from pages.backup.restoring import restore
from pages.backup.verifying import verify
from pages.backup.writing import write_backup

__all__ = ["ArchiveError", "Manifest", "restore", "verify", "write_backup"]
