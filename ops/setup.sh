#!/bin/sh
# Makes a virtual environment with exactly what a lock file pins, and the registry itself.
#
#   ops/setup.sh VENV LOCK [--editable]
#
# Run it from the top of the tree. PYTHON names the interpreter to use; without it the first of the
# usual names that is new enough is taken. Every package is checked against the hashes in LOCK, and
# only wheels are taken, so that no build script of anyone else runs here. The registry itself is
# built with the setuptools that LOCK pins.
set -eu

venv=$1
lock=$2
mode=${3:-}

fits() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if ! fits "$venv/bin/python"; then
    for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if fits "$python"; then
            break
        fi
        python=
    done
    if [ -z "$python" ]; then
        echo "setup: needs Python 3.11 or newer, found none as ${PYTHON:-python3}; install one or set PYTHON" >&2
        exit 1
    fi
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        echo "setup: $python has no venv module; install it (python3-venv on Debian and Ubuntu)" >&2
        exit 1
    fi
    "$python" -m venv --clear "$venv"
fi

echo "setup: installing the packages of $lock into $venv"
pip() {
    "$venv/bin/python" -m pip --disable-pip-version-check --no-input "$@"
}
pip install --quiet --require-hashes --only-binary :all: -r "$lock"
pip install --quiet --no-deps --no-build-isolation --force-reinstall $mode .
