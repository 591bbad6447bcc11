"""Load from many clients: python load.py [--clients N] [--seconds S] [--side P] [--tensors] [argument of irserve …]

Prints requests a second, latencies, statuses and the server's memory from outside. It sends PNG; with --tensors float32 tensors.
"""
import argparse
import collections
import http.client
import json
import threading
import time

import numpy

from conftest import Server, encoded, picture

parser = argparse.ArgumentParser()
parser.add_argument("--clients", type=int, default=64)
parser.add_argument("--seconds", type=float, default=60)
parser.add_argument("--side", type=int, default=256)
parser.add_argument("--tensors", action="store_true")
options, rest = parser.parse_known_args()
server = Server("--queue", str(2 * options.clients), *rest)
if options.tensors:
    values = numpy.random.default_rng(1).random((1, 3, options.side, options.side), dtype=numpy.float32)
    name = server.get("/v2/models/symunet-s").json["inputs"][0]["name"]
    head = json.dumps({"parameters": {"binary_data_output": True}, "inputs": [
        {"name": name, "shape": list(values.shape), "datatype": "FP32", "parameters": {"binary_data_size": values.nbytes}}]}).encode()
    path, body, headers = "/v2/models/symunet-s/infer", head + values.tobytes(), {"Inference-Header-Content-Length": str(len(head))}
else:
    path, body, headers = "/restore?model=symunet-s", encoded(picture(options.side, options.side)), {}
times, statuses, lock = [], collections.Counter(), threading.Lock()
end = time.time() + options.seconds


def run():
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    while time.time() < end:
        start = time.time()
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except OSError as error:
            status = type(error).__name__
            connection.close()
        with lock:
            statuses[status] += 1
            if status == 200:
                times.append(time.time() - start)
        if status == 503:
            time.sleep(0.5)


begin = time.time()
threads = [threading.Thread(target=run) for _ in range(options.clients)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
times.sort()
print(json.dumps({
    "a second": round(len(times) / (time.time() - begin), 2), "p50": round(times[len(times) // 2], 3),
    "p99": round(times[len(times) * 99 // 100], 3), "statuses": statuses, "restoring": server.metric("irserve_restoration_seconds_sum"),
    "resident MiB": {name: count >> 20 for name, count in server.resident().items()}}))
server.stop()
