"""kserve's models in a process of its own, as kserve_client.py: prints the fields of each and their types, as JSON."""
import json

import kserve

MODELS = {name: model for name, model in vars(kserve).items() if hasattr(model, "attribute_map")}
print(json.dumps({
    name: {written: model.openapi_types[field] for field, written in model.attribute_map.items()} for name, model in MODELS.items()}))
