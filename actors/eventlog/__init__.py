"""What has happened in a run: every transition as a record, kept where others can follow it and read it later."""
