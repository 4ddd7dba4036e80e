# SPDX-License-Identifier: BSD-2-Clause
# Lines "COMMAND<tab>JSON" of standard input against the schemas beside this file: what is wrong, a line each, at most 20; then how many
# lines there were.
import json
import pathlib
import sys

from jsonschema import Draft202012Validator

folder = pathlib.Path(__file__).parent
validators = {}


def validator(name):
    if name not in validators:
        schema = json.loads((folder / f"{name}.json").read_text())
        Draft202012Validator.check_schema(schema)
        validators[name] = Draft202012Validator(schema)
    return validators[name]


def errors_of(name, record):
    if "stopped" in record and len(record) == 3:
        name = "stopped"
    for error in validator(name).iter_errors(record):
        yield f"{name}: {'.'.join(map(str, error.absolute_path)) or 'the record'}: {error.message[:200]}"


count, wrong, seen = 0, 0, set()
for line in sys.stdin.buffer:
    count += 1
    name, _, text = line.decode().rstrip("\n").partition("\t")
    if text in seen:
        continue
    seen.add(text)
    for message in errors_of(name, json.loads(text)):
        wrong += 1
        if wrong <= 20:
            print(message)
print(count)
