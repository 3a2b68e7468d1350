"""The one error that a person's configuration can cause."""


class ConfigurationError(Exception):
    """What the user wrote cannot be used.

    Each of ``problems`` is a complete message: where (file, line, key), what was
    expected, what was found, what to do. ``str()`` is all of them, one on a line.
    The command line prints it as it is and exits with status 2.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)
