"""The one error that a person's configuration can cause."""


class ConfigurationError(Exception):
    """What the user wrote cannot be used.

    ``str()`` is the complete message: where (file, line, key), what was
    expected, what was found, what to do. The command line prints it as it is and
    exits with status 2.
    """
