#!/usr/bin/env python3
"""Makes earthquakes.ndjson of earthquakes.json, which the npm package vega-datasets ships.

    npm pack vega-datasets@3.2.1 && tar xzf vega-datasets-3.2.1.tgz
    python3 convert.py package/data/earthquakes.json > earthquakes.ndjson

One line an event, in the order of their times; times are UTC.
"""

import json
import sys
from datetime import datetime, timezone


def timestamp(ms):
    moment = datetime.fromtimestamp(ms // 1000, timezone.utc)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{ms % 1000:03d}"


def line(feature):
    properties = feature["properties"]
    longitude, latitude, depth = feature["geometry"]["coordinates"]
    return {
        "id": feature["id"],
        "time": timestamp(properties["time"]),
        "magnitude": properties["mag"],
        "place": properties["place"],
        "depth": depth,
        "lon": longitude,
        "lat": latitude,
        "kind": properties["type"],
        "felt": properties["felt"],
    }


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        features = json.load(file)["features"]
    features.sort(key=lambda feature: (feature["properties"]["time"], feature["id"]))
    for feature in features:
        print(json.dumps(line(feature), ensure_ascii=False, separators=(",", ":")))


main()
