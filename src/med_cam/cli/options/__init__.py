"""Every option of the command line, once: its name, type, default, help and range are one field.

A command is made from its dataclass, which has a file here. An option that several commands have,
or one of the many of `explain`, stands in the file of what it is about. The field
`necessary_superset` is `--necessary-superset`; a name in `Was` still works and is not shown. None
is "choose for me" throughout. Nothing heavy is imported here: `--help` reads these files.
"""
