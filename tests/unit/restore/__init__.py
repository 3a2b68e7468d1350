"""The plan of a CleanRestore: its rules in tables, its promises for random clusters."""
