"""Throwing documents at the configuration's parser: ``python -m tests.fuzz --seconds N``.

``documents`` makes them, ``properties`` says what must hold of each, ``__main__``
goes on for as long as it is told and counts.
"""
