"""Tests as sentences, each with its evidence."""
