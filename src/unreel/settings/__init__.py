"""Settings that check themselves; the command line and the settings files are made from them."""
