"""What is the user told who asked for what cannot be done?"""

from __future__ import annotations


class ConsoleError(Exception):
    """Ends the command with exit code 2 and its text, one line or a few, on standard error."""
