"""dlt's rest_api source: its own client, its own offset paging, one record a line."""
import json
import os
import sys

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"

from dlt.sources.rest_api import rest_api_resources  # noqa: E402

base, name = sys.argv[1].rsplit("/", 1)
(resource,) = rest_api_resources(
    {
        "client": {
            "base_url": base,
            "auth": {"type": "http_basic", "username": "bench", "password": "bench"},
        },
        "resources": [
            {
                "name": name,
                "endpoint": {
                    "path": name,
                    "params": {"onlyData": "true", "orderBy": "InvoiceId:asc"},
                    "data_selector": "items",
                    "paginator": {
                        "type": "offset",
                        "limit": 500,
                        "total_path": None,
                        "has_more_path": "hasMore",
                        "stop_after_empty_page": True,
                    },
                },
            }
        ],
    }
)
for row in resource:
    sys.stdout.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
