"""The peer: what a script does today. Pages through invoices with the standard library, keys compared as numbers."""
import base64
import http.client
import json
import sys
import time

host, port, user, password = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
headers = {
    "Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode(),
    "REST-Framework-Version": "4",
    "Accept": "application/json",
}
connection = http.client.HTTPConnection(host, port)
count, last, start = 0, 0, time.perf_counter()
more = True
while more:
    path = f"/fscmRestApi/resources/11.13.18.05/invoices?onlyData=true&orderBy=InvoiceId:asc&limit=500&q=InvoiceId%20%3E%20{last}"
    connection.request("GET", path, headers=headers)
    page = json.loads(connection.getresponse().read())
    rows = [json.dumps(row) for row in page["items"]]
    count += len(rows)
    last = page["items"][-1]["InvoiceId"]
    more = page["hasMore"]
print(json.dumps({"records": count, "seconds": time.perf_counter() - start}))
