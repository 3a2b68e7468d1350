"""Names with ``*`` in them: those of Jobs in ``excludeJobs``, and all names in native rules."""


def matches(pattern: str, name: str) -> bool:
    """Whether the whole name fits the pattern, in which ``*`` is any run of characters, none included.

    ``*`` alone is special: ``?`` and ``[`` are themselves, which rules out
    fnmatch. Linear in the name for each ``*``, whatever the pattern.
    """
    head, *rest = pattern.split("*")
    if not rest:
        return name == pattern
    *middle, tail = rest
    if len(name) < len(head) + len(tail) or not (name.startswith(head) and name.endswith(tail)):
        return False
    position, end = len(head), len(name) - len(tail)
    for part in middle:
        found = name.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True
