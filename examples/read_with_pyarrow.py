"""Reads a surgdb dataset with nothing but pyarrow, as spec/FORMAT.md says: read_with_pyarrow.py DATASET [ID]"""

import json
import sys
import zlib
from pathlib import Path

import pyarrow as pa


class Dataset:
    """One version of a dataset, the newest unless told."""

    def __init__(self, root, version=None):
        self.root, self.files = Path(root), {}
        names = (path.stem for path in self.root.glob("versions/*.json") if len(path.stem) == 10 and path.stem.isdigit())
        self.manifest = read_manifest(self.root / f"versions/{version or max(map(int, names)):010}.json")
        self.fragments = {}  # fragment -> its table, its rows, its file, the file's row that is its first
        self.overlays = {}  # fragment -> side column -> its file, the file's row that is the fragment's first
        self.added = {}  # table -> the columns that were added to it
        for table, entries in self.manifest["files"].items():
            for entry, fragment, rows, start in placed(entries):
                self.fragments[fragment] = table, rows, entry, start
        for column in self.manifest["columns"]:
            if not column.get("replaces", False):
                self.added.setdefault(column["table"], []).append(column["name"])
            for entry, fragment, _, start in placed(column["files"]):  # the last file counts
                self.overlays.setdefault(fragment, {})[column["name"]] = entry, start
        gone = (self.open(entry)["address"].to_pylist() for entry in self.manifest["deletions"])
        self.deleted = {address for addresses in gone for address in addresses}

    def open(self, entry):
        """A file as an Arrow table over a memory map, after a look at its footer's checksum."""
        if entry["path"] not in self.files:
            source, length = pa.memory_map(str(self.root / entry["path"])), entry["length"]
            footer = int.from_bytes(source.read_at(4, length - 10), "little") + 10
            if source.size() != length or zlib.crc32(source.read_at(footer, length - footer)) != entry["crc32"]:
                raise ValueError(f"{entry['path']} is not the file that the manifest names")
            self.files[entry["path"]] = pa.ipc.open_file(source).read_all()
        return self.files[entry["path"]]

    def addresses(self, table):
        """The addresses of the live rows of a table, ascending."""
        fragments = sorted((fragment, rows) for fragment, (of, rows, *_) in self.fragments.items() if of == table)
        every = ((fragment << 32) + row for fragment, rows in fragments for row in range(rows))
        return (address for address in every if address not in self.deleted)

    def row(self, address):
        """The row at an address, with all its columns."""
        fragment, row = address >> 32, address & 0xFFFFFFFF
        if address in self.deleted or row >= self.fragments.get(fragment, (None, 0))[1]:
            raise KeyError(f"there is no row at {fragment}:{row} in this version")
        table, _, entry, start = self.fragments[fragment]
        columns = dict.fromkeys(self.added.get(table, ())) | dict.fromkeys(self.open(entry).column_names, (entry, start))
        columns |= self.overlays.get(fragment, {})
        return {name: at and self.open(at[0])[name][at[1] + row].as_py() for name, at in columns.items()}

    def bytes_of(self, address):
        """The bytes of a frame or video, or None where its file is missing or stays outside."""
        blob = (ref := self.row(address)["blob"]) and self.row(ref)
        if blob and blob["bytes"] is not None and zlib.crc32(blob["bytes"]) != blob["crc32"]:
            raise ValueError(f"the bytes of {address} are damaged")
        return blob and blob["bytes"]


def read_manifest(path):
    checksum, inner = path.read_bytes().removesuffix(b"}").split(b',"manifest":', 1)
    if checksum != b'{"crc32":%d' % zlib.crc32(inner):
        raise ValueError(f"{path} is damaged")
    manifest = {"files": {}, "columns": [], "deletions": []} | json.loads(inner)
    if manifest["format"] != "0.3" or manifest["features"]:
        raise ValueError(f"{path} is of a format that this reader does not know")
    return manifest


def placed(entries):
    """Each fragment of the files, how many rows it has, and the file's row that is its first."""
    for entry in entries:
        start = 0
        for fragment, rows in entry["fragments"]:
            yield entry, fragment, rows, start
            start += rows


def show(dataset, row):
    print(f"{row['id']} ({row['task']})", *(f"{turn['role']}: {turn['text']}" for turn in row["turns"]), sep="\n")
    for ref in (ref for part in [row, *row["alternatives"]] for medium in part["media"] for ref in medium["refs"]):
        print(f"shows {dataset.row(ref)['id']}: {len(dataset.bytes_of(ref) or b'')} bytes")
    depths = []  # a node's parent stands before it
    for node in row["reasoning"]:
        depths.append(0 if node["parent"] is None else depths[node["parent"]] + 1)
        print("  " * depths[-1], node["text"])


if __name__ == "__main__":
    dataset = Dataset(sys.argv[1] if sys.argv[1:] else sys.exit(__doc__))
    for row in map(dataset.row, dataset.addresses("conversations")):
        if row["id"] in sys.argv[2:] or len(sys.argv) == 2:
            show(dataset, row)
