#!/usr/bin/env python3
"""Writes what the packages hold as SPDX 2.3. usage: make-sbom.py VERSION FOLDER …"""
import hashlib
import json
import os
import sys
import time

# What the programs are made of beside this project: name, licence, where it comes from.
COMPONENTS = [
    ("swift", "Apache-2.0 WITH Swift-exception", "https://github.com/swiftlang/swift"),
    ("swift-foundation", "Apache-2.0 WITH Swift-exception", "https://github.com/swiftlang/swift-foundation"),
    ("swift-corelibs-foundation", "Apache-2.0 WITH Swift-exception", "https://github.com/swiftlang/swift-corelibs-foundation"),
    ("swift-corelibs-libdispatch", "Apache-2.0 WITH Swift-exception", "https://github.com/swiftlang/swift-corelibs-libdispatch"),
    ("swift-argument-parser", "Apache-2.0 WITH Swift-exception", "https://github.com/apple/swift-argument-parser"),
    ("icu", "Unicode-3.0", "https://github.com/swiftlang/swift-foundation-icu"),
    *[(name, "Apache-2.0", f"https://github.com/{owner}/{name}") for owner, names in {
        "apple": "swift-async-algorithms swift-atomics swift-collections swift-distributed-tracing swift-http-types swift-log swift-metrics "
                 "swift-nio swift-nio-extras swift-nio-http2 swift-nio-transport-services swift-protobuf swift-service-context swift-system",
        "grpc": "grpc-swift-2 grpc-swift-nio-transport", "hummingbird-project": "hummingbird", "swift-server": "swift-service-lifecycle",
    }.items() for name in names.split()],
    ("onnx (onnx.proto)", "Apache-2.0", "https://github.com/onnx/onnx"),
]


def identifier(text):
    return "SPDXRef-" + "".join(each if each.isalnum() else "-" for each in text)


def main():
    version, folders = sys.argv[1], sys.argv[2:]
    files = []
    for folder in folders:
        for base, names, leaves in os.walk(folder):
            names.sort()
            for leaf in sorted(leaves):
                path = os.path.join(base, leaf)
                with open(path, "rb") as file:
                    content = file.read()
                place = os.path.relpath(path, folder)
                files.append({
                    "SPDXID": identifier(f"File-{os.path.basename(folder)}-{place}"),
                    "fileName": f"./{place}",
                    "checksums": [
                        {"algorithm": "SHA1", "checksumValue": hashlib.sha1(content).hexdigest()},
                        {"algorithm": "SHA256", "checksumValue": hashlib.sha256(content).hexdigest()},
                    ],
                    "licenseConcluded": "NOASSERTION",
                    "copyrightText": "NOASSERTION",
                })
    own = {
        "SPDXID": "SPDXRef-irkit", "name": "irkit", "versionInfo": version, "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False, "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0",
        "copyrightText": "NOASSERTION",
    }
    others = [{
        "SPDXID": identifier(name), "name": name, "downloadLocation": place, "filesAnalyzed": False,
        "licenseConcluded": licence, "licenseDeclared": licence, "copyrightText": "NOASSERTION",
    } for name, licence, place in COMPONENTS]
    relationships = [("SPDXRef-DOCUMENT", "DESCRIBES", own["SPDXID"])]
    relationships += [(own["SPDXID"], "CONTAINS", each["SPDXID"]) for each in others + files]
    seconds = int(os.environ["SOURCE_DATE_EPOCH"])
    digest = hashlib.sha256("".join(each["checksums"][1]["checksumValue"] for each in files).encode()).hexdigest()
    json.dump({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"irkit-{version}",
        "documentNamespace": f"https://spdx.org/spdxdocs/irkit-{version}-{digest[:32]}",
        "creationInfo": {
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)), "creators": ["Tool: irkit-package"]},
        "packages": [own, *others], "files": files,
        "relationships": [
            {"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b} for a, kind, b in relationships],
    }, sys.stdout, indent=1)
    print()


main()
