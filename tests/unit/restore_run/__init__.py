"""The state machine of a CleanRestore: its rules, and its way through a modelled cluster."""
