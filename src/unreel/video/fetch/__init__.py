"""Published data sets: downloaded, checked, unpacked."""
