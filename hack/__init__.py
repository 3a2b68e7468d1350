"""Tools for the people who build velero-volume-controller: the lab, the demo, generators."""
