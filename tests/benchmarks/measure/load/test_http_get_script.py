from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.measure.load.k6 import SCRIPT

STUBS = {
    "index.mjs": "export function sleep(seconds) { globalThis.slept = seconds; }",
    "http.mjs": "export default { request: (method, url, sent, parameters) => {"
    " Object.assign(globalThis, { method, url, sent, parameters });"
    " return globalThis.answer; }, setResponseCallback: () => {}, expectedStatuses: () => {} };",
    "metrics.mjs": "export class Counter { constructor(name) { this.name = name; }"
    " add(count) { globalThis.counted.push(this.name); } }",
    "package.json": '{"exports": {".": "./index.mjs", "./http": "./http.mjs", "./metrics": "./metrics.mjs",'
    ' "./encoding": "./encoding.mjs"}}',
    "encoding.mjs": "export default { b64encode: (body) => Buffer.from(body).toString('base64') };",
}
"""As much of k6's modules as the script uses."""

ANSWERS = {
    "valid, and the first of its status": ({"status": 200, "error_code": 0, "body": 31}, "compared"),
    "valid": ({"status": 200, "error_code": 0, "body": 31}, None),
    "other bytes, not sampled": ({"status": 200, "error_code": 0, "body": 31, "fill": 7}, None),
    "other bytes": ({"status": 201, "error_code": 0, "body": 31, "fill": 7}, "compared body"),
    "a length": ({"status": 200, "error_code": 0, "body": 30}, "body"),
    "no body": ({"status": 204, "error_code": 0, "body": None}, "body"),
    "a redirect": ({"status": 302, "error_code": 0, "body": 31}, "status"),
    "an error": ({"status": 503, "error_code": 1503, "body": 31}, "status"),
    "timed out": ({"status": 0, "error_code": 1050, "body": None}, "timeout"),
    "dial timed out": ({"status": 0, "error_code": 1211, "body": None}, "timeout"),
    "refused": ({"status": 0, "error_code": 1212, "body": None}, "connection"),
}


def test_the_script_counts_as_every_engine_does(tmp_path: Path) -> None:
    """Run by node, with k6's own modules stood in for: its JavaScript is the same."""
    node = shutil.which("node")
    if node is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("node is not installed")
    folder = tmp_path / "node_modules" / "k6"
    folder.mkdir(parents=True)
    for name, text in STUBS.items():
        (folder / name).write_text(text, encoding="utf-8")
    (tmp_path / "http_get.mjs").write_text(SCRIPT.read_text("utf-8"), encoding="utf-8")
    (tmp_path / "run.mjs").write_text(
        "globalThis.__ENV = { LAB_URL: 'http://127.0.0.1:1/x', LAB_BODY_BYTES: '31', LAB_SUMMARY: '/s.json',"
        f" LAB_BODY_BASE64: '{base64.b64encode(bytes(31)).decode()}' }};\n"
        "const script = await import('./http_get.mjs');\n"
        "const seen = JSON.parse(process.argv[2]).map((answer) => {\n"
        "  globalThis.counted = [];\n"
        "  const body = answer.body === null ? null : new Uint8Array(answer.body).fill(answer.fill || 0).buffer;\n"
        "  globalThis.answer = { ...answer, body };\n"
        "  script.default();\n"
        "  return globalThis.counted;\n"
        "});\n"
        "const { method, url, sent, parameters, slept } = globalThis;\n"
        "const summary = script.handleSummary({ metrics: {} });\n"
        "console.log(JSON.stringify({ seen, method, url, sent, parameters, slept, summary }));\n",
        encoding="utf-8",
    )

    done = subprocess.run(
        [node, "run.mjs", json.dumps([answer for answer, _ in ANSWERS.values()])],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert 0 == done.returncode, done.stderr
    told = json.loads(done.stdout)
    names = {"compared": "lab_bodies_compared"}
    expected = [
        [names.get(kind, f"lab_errors_{kind}") for kind in (kinds or "").split()] for _, kinds in ANSWERS.values()
    ]
    assert expected == told["seen"]
    assert ("GET", "http://127.0.0.1:1/x", None) == (told["method"], told["url"], told["sent"])
    assert {"redirects": 0, "responseType": "binary", "timeout": "30s", "headers": {}} == told["parameters"]
    assert 0.05 == told["slept"]
    assert {"/s.json": '{"metrics":{}}'} == told["summary"]
