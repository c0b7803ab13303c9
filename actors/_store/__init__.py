"""What do features that keep things in a SQLite file share? Opening one that is theirs, and ringing at its readers."""
