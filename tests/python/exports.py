"""What a library reads of an export's folder, as JSON: `exports.py LIBRARY FOLDER`."""

import json
import sys
import tempfile
from pathlib import Path


def load(*arguments, **options):
    import datasets

    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as cache:
        loaded = datasets.load_dataset(*arguments, **options, cache_dir=cache)
        return {name: list(rows) for name, rows in loaded.items()}


def read_hf(folder):
    """The rows of each part: pictures are decoded, by the features that the files name."""

    def sizes_of(pictures):
        return [picture and list(picture.size) for picture in pictures]

    def plain(row):
        sizes = {name: sizes_of(row[name]) for name in ("images", "output_images")}
        videos = [len(video["bytes"] or b"") for video in row["videos"]]
        clips = [sizes_of(clip) for clip in row["clips"]]
        return row | sizes | {"videos": videos, "output_videos": len(row["output_videos"]), "clips": clips, "output_clips": None}

    return {name: [plain(row) for row in rows] for name, rows in load(str(folder)).items()}


def read_jsonl(folder):
    """The rows of each JSONL file, as a trainer loads them: one type a column."""
    return {path.name: load("json", data_files=str(path))["train"] for path in sorted(folder.glob("*.jsonl"))}


def read_parquet(folder):
    """The rows of each Parquet file, and the sizes of the pictures in them."""
    import io

    from PIL import Image

    def plain(row):
        return row | {"images": [list(Image.open(io.BytesIO(image["bytes"])).size) for image in row["images"]]}

    files = sorted(folder.glob("*.parquet"))
    return {path.name: [plain(row) for row in load("parquet", data_files=str(path))["train"]] for path in files}


def read_webdataset(folder):
    """The samples of all archives: the record, and the size of each picture."""
    import webdataset

    samples = []
    for archive in sorted(folder.glob("*.tar")):
        for sample in webdataset.WebDataset(str(archive), shardshuffle=False).decode("pil"):
            members = {name: value for name, value in sample.items() if not name.startswith("__")}
            record = members.pop("json")
            shown = {name: list(getattr(value, "size", [len(value)] if isinstance(value, bytes) else [])) for name, value in members.items()}
            samples.append({"archive": archive.name, "key": sample["__key__"], "record": record, "members": shown})
    return samples


def read_coco(folder):
    """Each annotation, with the area that its outlines or its mask cover."""
    import contextlib
    import io

    from PIL import Image
    from pycocotools.coco import COCO

    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(folder / "annotations.json"))
    found = []
    for annotation in coco.loadAnns(coco.getAnnIds()):
        image = coco.loadImgs(annotation["image_id"])[0]
        with Image.open(folder / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"])
        category = coco.loadCats(annotation["category_id"])[0]
        drawn = int(coco.annToMask(annotation).sum()) if annotation["segmentation"] else None
        found.append({"category": category["name"], "axis": category["supercategory"], "bbox": annotation["bbox"], "drawn": drawn})
    return found


READERS = {"hf": read_hf, "jsonl": read_jsonl, "parquet": read_parquet, "webdataset": read_webdataset, "coco": read_coco}

if __name__ == "__main__":
    print(json.dumps(READERS[sys.argv[1]](Path(sys.argv[2]))))
