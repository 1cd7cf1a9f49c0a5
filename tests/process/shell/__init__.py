"""The integration in real zsh, bash and fish on a terminal.

Proven here: the prompt shows the session of the directory, never waits longer than its budget, changes nothing of the
user's own settings, and the functions and completions work.
"""
