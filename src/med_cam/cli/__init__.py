"""The med-cam command: arguments to calls, errors to one sentence and an exit status.

Results go to stdout, errors and progress to stderr. The only room that prints or ends the process.
"""
