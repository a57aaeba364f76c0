"""The values that cross file boundaries. All frozen; none computes anything beyond a sum.

explanation.json is made of them: its schema and its documentation are these fields, their types
and their `Attributes:`. A float without a range may be NaN, which JSON has as null. A file here is
a part of that document; `explanation.py` is the whole.
"""
