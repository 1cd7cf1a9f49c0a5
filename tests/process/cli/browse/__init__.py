"""Tests of the commands that show what is stored."""
