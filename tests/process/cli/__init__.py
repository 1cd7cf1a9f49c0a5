"""The commands of `segue`, run as a script runs them and on a terminal as a person does.

Proven here: what each command prints, its exit status, its messages on standard error, and what `segue ask` keeps
when the model, the daemon or the user stops in the middle.
"""
