"""What the devices report: the statistics of each window, stored once and only once."""
