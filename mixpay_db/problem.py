"""What went wrong outside the database, told so that the reader can mend it."""

# Schema, table or view, column, function: SQLSTATEs of a database that lacks one of ours.
LACKS = {"3F000", "42P01", "42703", "42883"}
MIGRATE = "mixpay migrate brings the database to this version."
# In which migrations are recorded; docs/operations.md has the rights.
UNMIGRATABLE = "permission denied for schema mixpay_migrations"
OWNERS = "Members of mixpay_owner migrate and verify. See docs/operations.md."
# What PostgreSQL says of ours to a login without the rights; docs/security.md has the roles.
FORBIDDEN = r"permission denied for (view|table|function|schema mixpay\b)"
ROLES = (
    "Members of mixpay_reader read the views, of mixpay_writer they also call; members of "
    "mixpay_monitor run the checks and read metrics."
)


class Problem(Exception):
    """The message says what is wrong, the hint what to do about it."""

    status = 2  # with which the command ends

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
