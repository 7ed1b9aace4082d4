"""rocrate.py FOLDER: is it an RO-Crate 1.1 that conforms to the Process Run Crate profile 0.5?

The rules, in our words, that the specification, the profile and the reference validator (rocrate-validator) have and that
apply to what hpt writes; that validator itself cannot be had here. Prints what is wrong, one a line; "should" in
front of what is only recommended. Exit status 0: nothing is required that is not met.
"""
import hashlib
import json
import os
import re
import sys
from urllib.parse import unquote, urlsplit

folder = sys.argv[1]
wrong = []


def must(ok, text):
    if not ok:
        wrong.append(text)


def should(ok, text):
    if not ok:
        print("should: " + text)


def listed(value):
    return [] if value is None else value if isinstance(value, list) else [value]


def flat(value, at):
    """What stands within an entity is a value or {"@id"} alone."""
    for item in listed(value):
        must(not isinstance(item, list), at + ": a list in a list")
        must(not isinstance(item, dict) or set(item) == {"@id"}, at + ": not flattened")


with open(os.path.join(folder, "ro-crate-metadata.json"), encoding="utf-8") as file:
    document = json.load(file)
contexts = listed(document.get("@context"))
must("https://w3id.org/ro/crate/1.1/context" in contexts, "the context of RO-Crate 1.1 is missing")
graph = {}
for entity in document["@graph"]:
    name = entity.get("@id")
    must(isinstance(name, str) and name != "", "an entity without @id")
    must(bool(listed(entity.get("@type"))), f"{name}: no @type")
    must(name not in graph, f"{name}: twice")
    graph[name] = entity
    for key, value in entity.items():
        flat(value, f"{name}: {key}")

# Words that mean something: those of the two contexts that hpt uses, nothing else.
words = set("""@id @type about actionStatus additionalType agent alternateName author conformsTo contentSize datePublished description
encodingFormat endTime error exampleOfWork hasPart input instrument license mentions name object output result sha256
softwareVersion startTime value version""".split())
for name, entity in graph.items():
    for key in entity:
        must(key in words, f"{name}: unknown word {key}")
if any("sha256" in entity for entity in graph.values()):
    must("https://w3id.org/ro/terms/workflow-run/context" in contexts, "sha256 without its context")


def types(name):
    return listed(graph.get(name, {}).get("@type"))


def references(entity, key):
    return [item["@id"] for item in listed(entity.get(key)) if isinstance(item, dict) and "@id" in item]


for name, entity in graph.items():
    for key, value in entity.items():
        for target in references(entity, key):
            known = target in graph or urlsplit(target).scheme != ""
            must(known, f"{name}: {key} names {target}, which is not described")

descriptor = graph.get("ro-crate-metadata.json", {})
must("CreativeWork" in types("ro-crate-metadata.json"), "the descriptor is no CreativeWork")
must(references(descriptor, "conformsTo") == ["https://w3id.org/ro/crate/1.1"], "the descriptor does not conform to RO-Crate 1.1")
must(len(references(descriptor, "about")) == 1, "the descriptor is about one thing")
root_name = (references(descriptor, "about") or ["./"])[0]
root = graph.get(root_name, {})
must(root_name.endswith("/"), "the root does not end in /")
should(root_name == "./", "the root is ./")
must("Dataset" in types(root_name), "the root is no Dataset")
for key in ("name", "description", "datePublished", "license"):
    must(bool(root.get(key)), f"the root has no {key}")
# The validator takes milliseconds or none, and an offset: neither Z nor microseconds.
iso = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{3})?\+\d\d:\d\d)?")
must(iso.fullmatch(str(root.get("datePublished"))) is not None, "datePublished is no ISO 8601")
for key in ("publisher", "author"):
    people = references(root, key)
    must(all({"Person", "Organization"} & set(types(one)) for one in people), f"the {key} is no Person and no Organization")
    should(bool(people), f"the root has no {key}")
for author in references(root, "author"):
    should(bool(graph.get(author, {}).get("name")), f"{author}: no name")
    should(bool(graph.get(author, {}).get("affiliation")), f"{author}: no affiliation")
for target in references(root, "license"):
    must(target in graph and bool(graph[target].get("name")), "the license is not described")

# Data entities.
parts = references(root, "hasPart")
must(len(parts) == len(set(parts)), "hasPart names something twice")
for target in parts:
    must(bool({"File", "Dataset"} & set(types(target))), f"{target}: a part that is no File and no Dataset")
for name, entity in graph.items():
    if "File" not in types(name):
        continue
    must(name in parts, f"{name}: a File that is no part of the root")
    path = os.path.join(folder, unquote(name))
    must(not name.startswith(("/", "#")) and ".." not in name.split("/"), f"{name}: no relative path")
    must(os.path.isfile(path), f"{name}: the file is missing")
    should(bool(entity.get("encodingFormat")), f"{name}: no encodingFormat")
    must(isinstance(entity.get("contentSize"), str) and entity["contentSize"].isdigit(), f"{name}: contentSize is no text of a number")
    if os.path.isfile(path):
        with open(path, "rb") as file:
            data = file.read()
        must(entity.get("contentSize") == str(len(data)), f"{name}: contentSize is wrong")
        must(entity.get("sha256") == hashlib.sha256(data).hexdigest(), f"{name}: sha256 is wrong")

# Process Run Crate 0.5.
profiles = [target for target in references(root, "conformsTo") if target.startswith("https://w3id.org/ro/wfrun/process/")]
must(len(profiles) == 1, "the root does not conform to a Process Run Crate")
for target in profiles:
    must("CreativeWork" in types(target), f"{target}: no CreativeWork")
    should(bool(graph.get(target, {}).get("name")) and bool(graph.get(target, {}).get("version")), f"{target}: no name or version")
actions = [name for name in graph if {"CreateAction", "ActivateAction", "UpdateAction"} & set(types(name))]
must(bool(actions), "there is no action")
statuses = ("http://schema.org/CompletedActionStatus", "http://schema.org/FailedActionStatus")
for name in actions:
    action = graph[name]
    tools = references(action, "instrument")
    must(bool(tools) and all({"SoftwareApplication", "SoftwareSourceCode", "ComputationalWorkflow"} & set(types(t)) for t in tools),
         f"{name}: no instrument that is software")
    should(name in references(root, "mentions"), f"{name}: not mentioned by the root")
    for key in ("name", "description", "endTime", "result"):
        should(bool(action.get(key)), f"{name}: no {key}")
    for key in ("startTime", "endTime"):
        must(key not in action or iso.fullmatch(str(action[key])) is not None, f"{name}: {key} is no ISO 8601")
    must("startTime" not in action or "endTime" not in action or action["startTime"] <= action["endTime"], f"{name}: ends before it starts")
    must(action.get("actionStatus") in statuses, f"{name}: unknown actionStatus")
    must("error" not in action or action.get("actionStatus") == statuses[1], f"{name}: an error that did not fail")
    should(any({"Person", "Organization"} & set(types(t)) for t in references(action, "agent")), f"{name}: no agent")
    for target in references(action, "object") + references(action, "result"):
        must(bool({"File", "Dataset", "Collection", "CreativeWork", "PropertyValue"} & set(types(target))), f"{name}: {target} is nothing to give or to get")
for name, entity in graph.items():
    if "SoftwareApplication" in types(name):
        should(bool(entity.get("name")), f"{name}: no name")
        should(bool(entity.get("url")), f"{name}: no url")
        should(name.startswith("http"), f"{name}: no absolute URI")
        must(("version" in entity) + ("softwareVersion" in entity) <= 1, f"{name}: two versions")
        should("version" in entity or "softwareVersion" in entity, f"{name}: no version")
    if "PropertyValue" in types(name):
        must(bool(entity.get("name")) and "value" in entity, f"{name}: no name or value")
    if "FormalParameter" in types(name):
        must(bool(entity.get("name")) and bool(entity.get("additionalType")), f"{name}: no name or type")
for text in wrong:
    print(text)
sys.exit(1 if wrong else 0)
