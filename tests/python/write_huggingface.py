"""Writes the same few rows as Hugging Face's `datasets` writes them: to a hub's layout and to disk.

    write_huggingface.py FOLDER

FOLDER/pictures has the pictures (PNG); FOLDER/hub is Parquet, with the bytes inside; FOLDER/saved is what `save_to_disk`
makes of a DatasetDict, in shards; FOLDER/one of a Dataset by itself.
"""

import sys
from pathlib import Path

from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, List, Value
from PIL import Image as Picture


def rows(folder, start, count):
    for number in range(start, start + count):
        path = folder / "pictures" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Picture.new("RGB", (number + 1, 2), (number, 0, 0)).save(path)
        yield {
            "id": f"r{number}",
            "images": [str(path)] * (number % 2 + 1),
            "messages": [
                {"role": "user", "content": "<image>" * (number % 2 + 1) + "Which phase?", "name": None},
                {"role": "assistant", "content": f"Phase {number}.", "name": "model"},
            ],
            "phase": number % 2,
            "mask": str(path),
            "score": number / 4,
        }


def main(folder):
    folder = Path(folder)
    features = Features(
        {
            "id": Value("string"),
            "images": List(Image()),
            "messages": List({"role": Value("string"), "content": Value("large_string"), "name": Value("string")}),
            "phase": ClassLabel(names=["preparation", "dissection"]),
            "mask": Image(),
            "score": Value("float32"),
        }
    )
    make = lambda start, count: Dataset.from_list(list(rows(folder, start, count)), features=features)
    splits = DatasetDict({"train": make(0, 4), "test": make(4, 2)})
    for name, split in splits.items():
        target = folder / "hub" / "data" / f"{name}-00000-of-00001.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        split.to_parquet(target)
    splits.save_to_disk(folder / "saved", num_shards={"train": 2, "test": 1})
    make(0, 4).select_columns(["id", "images", "messages"]).save_to_disk(folder / "one")


if __name__ == "__main__":
    main(*sys.argv[1:])
