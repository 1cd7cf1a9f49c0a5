"""The documentation and the benchmark do what they say.

Proven here: the commands in the README and the manual run in order and print what is shown, and the benchmark runs.
"""
