#!/bin/sh
# Manifests in the documentation parse and say what hpt relies on.
. "${0%/*}/lint.sh"

if ! python3 -c 'import yaml' 2>/dev/null; then
    test_skip_all 'python3 has no yaml'
fi
cat >check.py <<'END'
import sys, yaml
for name in sys.argv[1:]:
    for job in yaml.safe_load_all(open(name)):
        pod = job["spec"]["template"]["spec"]
        worker = pod["containers"][0]
        names = {entry["name"] for entry in worker["env"]}
        volumes = {volume["name"] for volume in pod["volumes"]}
        wrong = [text for text, good in {
            "no Job": job["kind"] == "Job" and job["apiVersion"] == "batch/v1",
            "restartPolicy": pod["restartPolicy"] == "Never",
            "the command is not hpt-run": worker["command"][0] == "hpt-run",
            "a name of the downward API": {"HPT_POD", "HPT_POD_NAMESPACE", "HPT_NODE"} <= names,
            "a password": "PGPASSWORD" not in names,
            "a volume": {mount["name"] for mount in worker["volumeMounts"]} <= volumes,
            "no resources": "requests" in worker["resources"],
        }.items() if not good]
        for text in wrong:
            print(name + ": " + text)
END
check=$PWD/check.py
lint 'manifests of Kubernetes' '
    python3 "$check" docs/guide/*.yaml 2>&1
'
test_done
