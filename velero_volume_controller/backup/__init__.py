"""BackupSets: many Velero Backups that are one restore point."""
