"""Put a current SQLite in place of the system's, before Django looks.

Several processes on one WAL database can corrupt it with SQLite older than 3.51.3 (a race in the WAL reset), and
Debian 12 ships 3.40. The ``pysqlite3`` package brings its own. Where it has no wheel we stay on the system's
library, and settings fall back to ``journal_mode=DELETE``.
"""

import sqlite3
import sys

FIRST_SAFE_WAL_VERSION = (3, 51, 3)

try:
    import pysqlite3
    from pysqlite3 import dbapi2
except ImportError:
    version_info: tuple[int, ...] = sqlite3.sqlite_version_info
else:
    sys.modules["sqlite3"] = pysqlite3
    sys.modules["sqlite3.dbapi2"] = dbapi2
    version_info = pysqlite3.sqlite_version_info

WAL_IS_SAFE = version_info >= FIRST_SAFE_WAL_VERSION
