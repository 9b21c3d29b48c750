"""The same questions to basyx-python-sdk, in an interpreter that has it; prints a row of the table as JSON.

Its object store is a dictionary in memory: pages are cut out of an iterator over everything, as its HTTP adapter
does, and shells by asset id are found by looking at each.
"""

from __future__ import annotations

import itertools
import json
import resource
import sys
import time
from pathlib import Path

from basyx.aas import model
from basyx.aas.adapter.json import read_aas_json_file_into


def store(count: int, shells: bool) -> model.DictObjectStore:
    """Submodels of one property each, or shells with two specific asset ids."""
    things: model.DictObjectStore = model.DictObjectStore()
    for n in range(count):
        if shells:
            links = [model.SpecificAssetId("serialNumber", f"SN{n}"), model.SpecificAssetId("batch", f"B{n}")]
            about = model.AssetInformation(
                model.AssetKind.INSTANCE, f"https://example.com/ids/asset/{n}", specific_asset_id=links
            )
            things.add(model.AssetAdministrationShell(about, f"https://example.com/ids/aas/{n}"))
        else:
            value = model.Property("Value0", model.datatypes.Double, 1.5)
            things.add(model.Submodel(f"https://example.com/ids/sm/{n}", [value], id_short=f"TechnicalData{n}"))
    return things


def rss() -> str:
    return f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB"


def paging(quick: bool) -> tuple[str, str, str]:
    total = 10_000 if quick else 100_000
    things = store(total, shells=False)
    took = []
    for _ in range(20):
        began = time.perf_counter()
        found = list(itertools.islice((x for x in things if isinstance(x, model.Submodel)), total - 100, total))
        took.append(time.perf_counter() - began)
        assert len(found) == 100
    return f"peer basyx-python-sdk: last page of {total:,}", f"max {max(took) * 1e3:.1f} ms", rss()


def lookup(quick: bool) -> tuple[str, str, str]:
    total = 3_333 if quick else 33_333
    things = store(total, shells=True)
    wanted = model.SpecificAssetId("serialNumber", f"SN{total - 1}")
    took = []
    for _ in range(20):
        began = time.perf_counter()
        found = [x for x in things if wanted in x.asset_information.specific_asset_id]
        took.append(time.perf_counter() - began)
        assert len(found) == 1
    return f"peer basyx-python-sdk: 1 of {total * 3:,} links", f"max {max(took) * 1e3:.1f} ms", rss()


def take(folder: Path) -> tuple[str, str, str]:
    things: model.DictObjectStore = model.DictObjectStore()
    began = time.perf_counter()
    with (folder / "big.json").open(encoding="utf-8") as file:
        read_aas_json_file_into(things, file)
    took = time.perf_counter() - began
    elements = sum(len(x.submodel_element) for x in things if isinstance(x, model.Submodel))
    return f"peer basyx-python-sdk: {elements:,} elements of JSON into memory", f"{took:.1f} s", rss()


if __name__ == "__main__":
    case, folder_, quick_ = sys.argv[1:]
    small = quick_ == "1"
    row = take(Path(folder_)) if case == "import" else paging(small) if case == "paging" else lookup(small)
    print(json.dumps(row))
