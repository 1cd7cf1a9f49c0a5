"""Kills, failing system calls, full disks and damaged files.

Proven here: an answered write survives, an unanswered write is stored completely or not at all, a damaged row costs
itself only, and backup and restore are complete or have no effect.
"""
