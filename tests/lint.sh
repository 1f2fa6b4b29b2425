#!/usr/bin/env bash
# Style and form (ruff), arrows between packages (import-linter) and types (mypy), as pyproject.toml states them. Needs .venv: tests/run.sh makes it.
set -uo pipefail
cd "$(dirname "$0")/.."

failed=0
quietly() { # what a tool says only if it finds something
    local said
    said=$("$@" 2>&1) || {
        echo "$said"
        failed=1
    }
}

quietly .venv/bin/python -m ruff check --quiet
quietly .venv/bin/python -m ruff format --check
quietly .venv/bin/lint-imports --no-logo
quietly .venv/bin/python -m mypy
exit $failed
