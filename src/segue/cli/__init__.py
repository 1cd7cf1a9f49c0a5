"""`segue`, the command line: one file per verb; each verb is imported when it is asked for."""
