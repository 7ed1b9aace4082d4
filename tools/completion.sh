#!/bin/sh
# completion.sh BASH|ZSH|FISH AWK FOLDER TOOL...: prints the completion, from the tools in FOLDER.
set -eu
shell=$1 awk=$2 folder=$3
shift 3
for tool; do
    "$folder/$tool" --dump-options | sed "s/^/$tool	/"
done | "$awk" -v shell="$shell" -f "${0%/*}/completion.awk"
