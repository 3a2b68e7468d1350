"""What the loop of CleanRestores decides without a cluster."""
