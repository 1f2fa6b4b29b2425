#!/usr/bin/env bash
# Sets up a fresh Debian machine (Python 3.11 to 3.13), lints, and runs every test. Extra arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

need=()
command -v chromium >/dev/null || need+=(chromium)
ldconfig -p | grep -q libgomp.so.1 || need+=(libgomp1) # numba's threads
python3 -c 'import ensurepip' 2>/dev/null || need+=(python3-venv)
if ((${#need[@]})); then
    as_root=()
    [[ $(id -u) -eq 0 ]] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${need[@]}"
fi

python=python3
for candidate in python3.11 python3.12 python3.13; do
    if "$candidate" -c 'import ensurepip' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[[ -x .venv/bin/python ]] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
bash tests/lint.sh

# Most tests keep one core busy, so that two processes share them where there is room: 3 GB each, 5 GB for the page and its browser. A third
# one on two cores gains nothing.
shared=()
if (($(nproc) >= 2 && $(awk '/^MemAvailable/ {print int($2 / 1048576)}' /proc/meminfo) >= 11)); then
    shared=(-n 2 --no-loadscope-reorder)
    export OMP_WAIT_POLICY=passive  # threads that wait leave their core to the other process
fi
exec .venv/bin/python -m pytest -q "${shared[@]}" "$@"
