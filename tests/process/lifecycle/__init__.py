"""How `segued` starts, announces itself, is found, and stops.

Proven here: start errors are one line with the right exit status, one daemon per database, autostart by every client,
socket activation and service managers, clocks that jump, clean and forced shutdown, and files of older versions.
"""
