"""The peer that people write: requests, a session, a page at a time, one record a line."""
import json
import sys

import requests

address, last = sys.argv[1], 0
session = requests.Session()
session.auth = ("bench", "bench")
while True:
    answer = session.get(
        address,
        params={"onlyData": "true", "orderBy": "InvoiceId:asc", "limit": 500, "q": f"InvoiceId > {last}"},
    )
    answer.raise_for_status()
    page = answer.json()
    for row in page["items"]:
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
    if not page["hasMore"]:
        break
    last = page["items"][-1]["InvoiceId"]
