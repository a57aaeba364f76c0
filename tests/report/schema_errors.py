"""What is wrong with a document by the schema that is published."""

from jsonschema import Draft202012Validator

from med_cam.report.schema import json_schema


def errors(document):
    return [e.message for e in Draft202012Validator(json_schema()).iter_errors(document)]
