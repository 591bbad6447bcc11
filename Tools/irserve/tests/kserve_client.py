"""kserve's client in a process of its own: python kserve_client.py http|grpc ADDRESS INPUT.npy OUTPUT.npy binary|plain

Its messages bear the names of tritonclient's, and one process takes either. Prints what it was told, as JSON.
"""
import asyncio
import json
import sys

import numpy
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

MODEL = "symunet-s"


async def conversation(kind, address, given, result, form):
    values = numpy.load(given)
    tensor = InferInput("image", list(values.shape), "FP32")
    tensor.set_data_from_numpy(values, binary_data=form == "binary")
    request = InferRequest(MODEL, [tensor], request_id="k1")
    if kind == "http":
        client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))
        state = [await client.is_server_live(address), await client.is_server_ready(address), await client.is_model_ready(address, MODEL)]
        answer = await client.infer(address, request, model_name=MODEL)
    else:
        client = InferenceGRPCClient(address)
        state = [await client.is_server_live(), await client.is_server_ready(), await client.is_model_ready(MODEL)]
        answer = await client.infer(request)
    await client.close()
    numpy.save(result, answer.outputs[0].as_numpy().reshape(values.shape))
    print(json.dumps({"state": state, "id": answer.id}))


asyncio.run(conversation(*sys.argv[1:]))
