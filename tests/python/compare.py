"""Holds what one library reads against what surgdb reads, value by value.

    compare.py LIBRARY DATASET EXPECTED

EXPECTED has a line of JSON for each data file: its path, and its rows as they stand in it. Floats are exact, bytes are hex.
With the library `example` it has a line for each version and table and its live rows, and the reader of examples/ is held
against it.
"""

import json
import sys
from pathlib import Path

import libraries


def plain(value):
    """A value as JSON has it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if hasattr(value, "tolist"):  # numpy
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    raise TypeError(f"{value!r} is a {type(value)}")


def differences(found, expected, place):
    """Where two values differ; 1 and 1.0 and True are three values."""
    if isinstance(found, dict) and isinstance(expected, dict) and list(found) == list(expected):
        for name in expected:
            yield from differences(found[name], expected[name], f"{place}.{name}")
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for at, (a, b) in enumerate(zip(found, expected)):
            yield from differences(a, b, f"{place}[{at}]")
    elif type(found) is not type(expected) or found != expected:
        yield f"{place}: {found!r}, not {expected!r}"


def main(library, dataset, expected):
    read = getattr(libraries, f"read_with_{library}")
    values = failed = 0
    for line in Path(expected).read_text(encoding="utf-8").splitlines():
        path, rows = json.loads(line)
        found = [plain(row) for row in read(Path(dataset), path)]
        values += sum(len(row) for row in rows)
        for difference in differences(found, rows, path):
            failed += 1
            if failed <= 20:
                print(difference)
    print(f"{library}: {values} values, {failed} differ")
    sys.exit(1 if failed or not values else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
