"""The files of this version: its migrations, in yoyo's order, and the code that goes with them."""

from __future__ import annotations

import glob
import re
from functools import cached_property
from pathlib import Path

import yoyo
from yoyo.migrations import Migration, MigrationList, parse_metadata_from_sql_comments

from mixpay_db import bookkeeping, database, resources
from mixpay_db.problem import Problem


class MigrationsFolderError(Problem):
    """The migrations folder is missing, empty or holds what we would not run."""


class Release:
    @cached_property
    def migrations(self) -> MigrationList:
        folder = resources.migrations_dir()
        found = yoyo.read_migrations(glob.escape(str(folder)))
        if not found:
            raise MigrationsFolderError(f"there are no migrations in {folder}")
        for migration in [*found, *found.post_apply]:
            if not re.fullmatch(r"\d{4}_\w+\.sql", Path(migration.path).name):
                raise MigrationsFolderError(
                    f"{migration.path} is no migration",
                    "A migration is called 0000_what_it_does.sql; code goes to sql/, not here.",
                )
            # Not by its load(): that splits all files at every start, which takes longer than all
            # else that is done when nothing is pending.
            directives, *_ = parse_metadata_from_sql_comments(text(migration))
            if "depends" in directives:
                raise MigrationsFolderError(
                    f"{migration.path} says on what it depends",
                    "Migrations run in the order of their numbers.",
                )
            if directives.get("transactional", "true").lower() != "true":
                raise MigrationsFolderError(
                    f"{migration.path} wants to run outside a transaction",
                    "All that is pending runs in one, so that nothing is ever half done.",
                )
        return found

    @cached_property
    def checksums(self) -> dict[str, str]:
        return {m.id: bookkeeping.checksum(text(m)) for m in self.migrations}

    @cached_property
    def code(self) -> str:
        return database.read_contents(resources.sql_dir() / "code.sql")


def text(migration: Migration) -> str:
    return Path(migration.path).read_text(encoding="utf-8")


def code_stays(migration: Migration) -> bool:
    """Whether it can change its tables while views, functions and triggers stand on them."""
    return "-- The code stays.\n" in text(migration)


def way_back(migration: Migration) -> Path:
    path = Path(migration.path).with_suffix(".rollback.sql")
    if not path.is_file():
        raise MigrationsFolderError(f"there is no way back: {path} is missing")
    return path
