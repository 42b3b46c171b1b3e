"""Pays a page of the sandbox with a test card: pay.py SANDBOX URL."""

import json
import sys
import urllib.request

_, sandbox, url = sys.argv
body = json.dumps({"url": url, "card": "4242424242424242"}).encode()
request = urllib.request.Request(f"{sandbox}/_sandbox/pay", body, {"content-type": "application/json"})
with urllib.request.urlopen(request, timeout=20) as answer:
    sys.exit(answer.status != 200)
