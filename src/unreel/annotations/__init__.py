"""Labels in time: pieces of videos that people annotate in BORIS, ELAN, VIA and Label Studio, read and written back."""
