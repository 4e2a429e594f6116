"""A server that answers as the Hugging Face Hub does, for what uploads and downloads ask of it.

Everything on this side of the network is the real huggingface_hub.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Files = dict[str, bytes]


def oid(content: bytes) -> str:
    """Return the name that git gives to a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Repo:
    def __init__(self, private: bool) -> None:
        self.private = private
        self.branches: dict[str, list[str]] = {"main": []}
        self.commits: dict[str, Files] = {}
        self.commit("main", {})

    def commit(self, branch: str, files: Files) -> str:
        sha = hashlib.sha1(f"{branch} {len(self.commits)}".encode()).hexdigest()
        self.commits[sha] = files
        self.branches.setdefault(branch, []).append(sha)
        return sha

    def sha(self, revision: str) -> str | None:
        if revision in self.commits:
            return revision
        return self.branches[revision][-1] if revision in self.branches else None

    def files(self, revision: str = "main") -> Files:
        return self.commits[self.sha(revision) or ""]


class Server(ThreadingHTTPServer):
    hub: FakeHub


class FakeHub:
    """The Hub, at :attr:`url`; ``requests`` are those it got, as "METHOD path"."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.requests: list[str] = []
        self.tokens: list[str | None] = []
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.hub = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def fetched(self) -> set[str]:
        """Return the files that were sent to anybody."""
        found = (re.fullmatch(r"GET .*/resolve/[^/]+/(.+)", line) for line in self.requests)
        return {match[1] for match in found if match}


class Handler(BaseHTTPRequestHandler):
    @property
    def hub(self) -> FakeHub:
        return self.server.hub

    def log_message(self, *args: Any) -> None:
        pass

    def reply(self, data: Any, status: int = 200, **headers: str) -> None:
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def missing(self, what: str) -> None:
        self.reply({"error": f"{what} not found"}, 404, X_Error_Code=f"{what}NotFound")

    def handle_one(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        path = self.path.partition("?")[0]
        self.hub.requests.append(f"{self.command} {path}")
        self.hub.tokens.append(self.headers.get("Authorization"))
        for pattern, answer in ROUTES:
            if found := re.fullmatch(pattern, f"{self.command} {path}"):
                answer(self, body, *found.groups())
                return
        self.reply({"error": f"not played: {path}"}, 500)

    do_GET = do_POST = do_HEAD = handle_one  # noqa: N815

    def create(self, body: bytes) -> None:
        asked = json.loads(body)
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        if name in self.hub.repos:
            self.reply({"error": "exists", "url": f"{self.hub.url}/{name}"}, 409)
            return
        private = asked.get("private") or asked.get("visibility") == "private"
        self.hub.repos[name] = Repo(bool(private))
        self.reply({"url": f"{self.hub.url}/{name}"})

    def info(self, body: bytes, name: str, revision: str = "main") -> None:
        repo = self.hub.repos.get(name)
        if repo is None:
            self.missing("Repo")
        elif (sha := repo.sha(revision)) is None:
            self.missing("Revision")
        else:
            siblings = [{"rfilename": file} for file in repo.files(sha)]
            answer = {"id": name, "sha": sha, "private": repo.private}
            self.reply({**answer, "siblings": siblings, "tags": []})

    def tree(self, body: bytes, name: str, revision: str) -> None:
        files = self.hub.repos[name].files(revision).items()
        self.reply(
            [
                {"type": "file", "path": path, "size": len(content), "oid": oid(content)}
                for path, content in files
            ]
        )

    def branch(self, body: bytes, name: str, new: str) -> None:
        repo = self.hub.repos[name]
        if new in repo.branches:
            self.reply({"error": "exists"}, 409)
            return
        repo.commit(new, repo.files())
        self.reply({})

    def valid(self, body: bytes) -> None:
        self.reply({"errors": [], "warnings": []})

    def preupload(self, body: bytes, name: str, revision: str) -> None:
        known = self.hub.repos[name].files(revision)
        answer = [
            {
                "path": file["path"],
                "uploadMode": "regular",
                "shouldIgnore": False,
                "oid": oid(known[file["path"]]) if file["path"] in known else None,
            }
            for file in json.loads(body)["files"]
        ]
        self.reply({"files": answer})

    def commit(self, body: bytes, name: str, revision: str) -> None:
        repo = self.hub.repos[name]
        files = dict(repo.files(revision))
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        sha = repo.commit(revision, files)
        self.reply({"commitUrl": f"{self.hub.url}/{name}/commit/{sha}", "commitOid": sha})

    def resolve(self, body: bytes, name: str, revision: str, path: str) -> None:
        repo = self.hub.repos.get(name)
        if repo is None:
            self.missing("Repo")
        elif repo.sha(revision) is None:
            self.missing("Revision")
        elif path not in repo.files(revision):
            self.missing("Entry")
        else:
            content = repo.files(revision)[path]
            etag, sha = f'"{oid(content)}"', str(repo.sha(revision))
            self.reply(content, ETag=etag, X_Repo_Commit=sha)


MODEL = "/api/models/([^/]+/[^/]+)"
ROUTES = (
    ("POST /api/repos/create", Handler.create),
    ("POST /api/validate-yaml", Handler.valid),
    (f"GET {MODEL}", Handler.info),
    (f"GET {MODEL}/revision/(.+)", Handler.info),
    (f"GET {MODEL}/tree/([^/]+)", Handler.tree),
    (f"POST {MODEL}/branch/(.+)", Handler.branch),
    (f"POST {MODEL}/preupload/(.+)", Handler.preupload),
    (f"POST {MODEL}/commit/(.+)", Handler.commit),
    ("(?:GET|HEAD) /([^/]+/[^/]+)/resolve/([^/]+)/(.+)", Handler.resolve),
)
