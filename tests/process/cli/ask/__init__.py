"""Tests of segue ask: the question, the model command, its reply, and what happens when something fails."""
