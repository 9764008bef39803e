"""The rows of a data file as each library reads them, unmodified. A library is imported only where it is used."""

import sys
from pathlib import Path


def read_with_pyarrow(dataset, path):
    import pyarrow

    with pyarrow.memory_map(str(dataset / path)) as source:
        return pyarrow.ipc.open_file(source).read_all().to_pylist()


def read_with_polars(dataset, path):
    import polars

    eager = polars.read_ipc(dataset / path).rows(named=True)
    lazy = polars.scan_ipc(dataset / path).collect().rows(named=True)
    if eager != lazy:
        raise AssertionError(f"polars reads {path} in two ways")
    return lazy


def read_with_duckdb(dataset, path):
    import duckdb
    import pyarrow

    with pyarrow.memory_map(str(dataset / path)) as source:
        table = pyarrow.ipc.open_file(source).read_all()
        cursor = duckdb.connect().execute("select * from \"table\"")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]


def read_with_pandas(dataset, path):
    import pandas

    frame = pandas.read_feather(dataset / path, dtype_backend="pyarrow")
    columns = [[None if value is pandas.NA else value for value in frame[name]] for name in frame.columns]
    return [dict(zip(frame.columns, row)) for row in zip(*columns)]


def read_with_datasets(dataset, path):
    import tempfile

    import datasets

    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as cache:
        rows = datasets.load_dataset("arrow", data_files=str(dataset / path), split="train", cache_dir=cache)
        return list(rows)


def read_with_example(dataset, path):
    """The live rows of `VERSION/TABLE`, by the reader that the format's document points to."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
    from read_with_pyarrow import Dataset

    version, table = path.split("/")
    opened = Dataset(dataset, int(version))
    for address in opened.addresses(table):
        row = opened.row(address)
        if table == "frames" and opened.bytes_of(address) is None and row["blob"] is not None:
            raise AssertionError(f"the bytes of {address} were not found")
        yield {"address": address} | row
