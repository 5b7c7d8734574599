#!/bin/sh
# Brings up what everything else needs, and does nothing when it is there already:
#     sh tools/setup.sh uv     uv alone (the one on PATH, else one of our own in .uv/)
#     sh tools/setup.sh        uv, then .venv with the locked packages and d2lcnn itself, editable
# Plain sh and no Python of a certain version: it has to run where nothing is set up yet.
set -eu
cd "$(dirname "$0")/.."

say() { printf '==> %s\n' "$*"; }
die() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

find_uv() {
    if UV=$(command -v uv); then return; fi
    UV=.uv/bin/uv
    if "$UV" --version >/dev/null 2>&1; then return; fi
    say "uv is missing: installing it into .uv/"
    python=$(command -v python3 || command -v python) ||
        die "found neither uv nor python3 on PATH." "Install Python 3.11, 3.12 or 3.13 (or uv) and run this again."
    rm -rf .uv
    "$python" -m venv .uv >.uv.log 2>&1 || {
        cat .uv.log >&2
        rm -rf .uv .uv.log
        die "'$python -m venv' failed (see above)." \
            "On Debian and Ubuntu run 'apt-get install python3-venv'; or install uv yourself."
    }
    # An old pip knows no wheel that uv offers, so pip renews itself first.
    .uv/bin/python -m pip install --quiet --upgrade pip >.uv.log 2>&1 &&
        .uv/bin/python -m pip install --quiet 'uv>=0.5' >>.uv.log 2>&1 || {
        cat .uv.log >&2
        rm -rf .uv .uv.log
        die "pip could not install uv (see above) with $("$python" --version 2>&1)." \
            "Check the network; if this Python is older than 3.8, install Python 3.11, 3.12 or 3.13, or uv itself."
    }
    rm -f .uv.log
}

find_uv
if [ "${1:-}" = uv ]; then exit; fi

# The folder belongs to the stamp: an environment does not survive a move of its checkout.
stamp=.venv/d2lcnn-setup
wanted=$(cat requirements.txt pyproject.toml tools/setup.sh | cksum && pwd)
if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then exit; fi

if ! .venv/bin/python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null ||
    { [ -f "$stamp" ] && ! grep -qxF "$(pwd)" "$stamp"; }; then
    say "making .venv"
    rm -rf .venv
    "$UV" venv --quiet --python "${D2LCNN_PYTHON:->=3.11,<3.14}" .venv ||
        die "no Python ${D2LCNN_PYTHON:-3.11, 3.12 or 3.13} was found, and uv could not fetch one (see above)." \
            "Install one of these versions (for example 'apt-get install python3.12' or from python.org) and run this again."
fi
rm -f "$stamp"
say "installing the packages of requirements.txt (some gigabytes the first time)"
# A wheel of two gigabytes on a slow line outlasts uv's own half minute.
UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-300}" "$UV" pip sync --quiet --compile-bytecode --python .venv --require-hashes requirements.txt ||
    die "the packages could not be installed (see above)." "Check the network and the free disk space (8 GB), and run this again."
"$UV" pip install --quiet --python .venv --no-deps --editable . ||
    die "d2lcnn itself could not be installed (see above)."
printf '%s\n' "$wanted" >"$stamp"
say "ready: $(.venv/bin/python --version) in .venv"
