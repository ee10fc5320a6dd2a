#!/usr/bin/env bash
# Put an edition's files into the folder $1: the web pages, the notebooks that run alone, and the
# versions of all packages in .venv, for `pip install -r`.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1"
into=$(cd "$1" && pwd)
python="$PWD/.venv/bin/python"

make frames site
"$python" .ci/site/editions.py "$into/notebooks"
(cd .site && "$python" -m zipfile -c "$into/web-pages.zip" .)
(cd "$into" && "$python" -m zipfile -c notebooks.zip notebooks && rm -r notebooks)
# a CPU build calls itself 2.15.0+cpu, and only PyTorch's own index knows that name
"$python" -m pip freeze | sed 's/+cpu$//' > "$into/versions.txt"
