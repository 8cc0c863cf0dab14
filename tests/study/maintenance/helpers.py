"""What the tests of doctor and purge share."""

import sqlite3
from contextlib import closing

from snellen.study.maintenance import examine

PROLIFIC = {"kind": "prolific", "completed": "AAAA", "no_consent": "BBBB", "screened_out": "CCCC"}


def ids(worker):
    return {"PROLIFIC_PID": worker, "STUDY_ID": "task-1", "SESSION_ID": f"session-{worker}"}


def execute(made, *statements):
    with closing(sqlite3.connect(made.database)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def damage(database, table):
    """Overwrite the first page of a table; the file's header stays sound."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    data = bytearray(database.read_bytes())
    data[size * (page - 1) : size * page] = b"\xab" * size
    database.write_bytes(data)


def findings(made, **options):
    return {found.what: found for found in examine(made.path, **options)}
