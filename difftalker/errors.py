"""The one exception that a user's mistake ends in."""


class UserError(Exception):
    """Something the user can put right. The message is one line: what, where (file, frame, key), what to do."""
