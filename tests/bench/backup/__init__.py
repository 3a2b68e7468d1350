"""How long a BackupSet takes, beside one plain Backup of the same data on the same Velero, on the lab."""
