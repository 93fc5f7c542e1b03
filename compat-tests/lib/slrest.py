# SPDX-License-Identifier: Apache-2.0
"""slurmrestd of a release, and tokens of auth/jwt."""
import base64
import glob
import hashlib
import hmac
import json
import os
import shutil
import socket
import subprocess
import time

import slcluster
from sltest import REL, VER, slurp, wait_for

API = {(22, 5): "v0.0.38", (24, 11): "v0.0.42", (26, 5): "v0.0.45"}.get(VER)


def plugin(name, release=REL):
    """Has that release's package the plugin?"""
    root = slcluster.root_of(release)
    where = [f"{slcluster.HAND[release]}/lib/slurm"] if release in slcluster.HAND else \
        glob.glob(f"{root}/usr/lib/*/slurm-wlm")
    return any(os.path.exists(f"{d}/{name}.so") for d in where)


def installed():
    return bool(API) and os.path.exists(slcluster.root_of(REL) + "/usr/sbin/slurmrestd")


def write_key(c, name="jwt.key", mode=0o600):
    """A key for AuthAltParameters=jwt_key={dir}/NAME."""
    key = os.urandom(32)
    with open(os.open(c.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as f:
        f.write(key)
    shutil.chown(c.path(name), "slurm", "slurm")
    return key


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def token(key, alg="HS256", **claims):
    now = int(time.time())
    head = b64(json.dumps({"alg": alg, "typ": "JWT"}, separators=(",", ":")).encode())
    claims = {"exp": now + 600, "iat": now, **claims}
    body = b64(json.dumps(claims, separators=(",", ":")).encode())
    seal = hmac.new(key, head + b"." + body, hashlib.sha256).digest()
    return b".".join((head, body, b64(seal) if alg != "none" else b"")).decode()


class Rest:
    """One slurmrestd that serves one user on a socket."""

    def __init__(self, c, auth="rest_auth/local", user="alice"):
        self.sock = c.path("shared", f"restd-{user}-{auth[10:]}")
        self.log = c.path("out", os.path.basename(self.sock))
        api = f"openapi/{API}" if VER < (23, 11) else "openapi/slurmctld"
        env = {"SLURM_JWT": "daemon"} if auth.endswith("jwt") else None
        with open(self.log, "w") as log:
            self.p = c.popen(REL, ["/usr/sbin/slurmrestd", "-s", api, "-a", auth,
                                   "unix:" + self.sock], user=user, stdout=log, env=env,
                             stderr=subprocess.STDOUT)
        if not wait_for(lambda: os.path.exists(self.sock), 15):
            raise RuntimeError("slurmrestd: " + slurp(self.log)[-500:])

    def ask(self, method, path, body=None, **headers):
        """(status, what came)"""
        data = json.dumps(body).encode() if body is not None else b""
        head = [f"{method} /slurm/{API}/{path} HTTP/1.1", "Host: x", "Accept: application/json",
                "Content-Type: application/json", f"Content-Length: {len(data)}"]
        head += [f"X-SLURM-USER-{k.upper()}: {v}" for k, v in headers.items()]
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            wait_for(lambda: s.connect_ex(self.sock) == 0, 10)
            s.sendall("\r\n".join(head + ["", ""]).encode() + data)
            return self.answer(s)

    @staticmethod
    def answer(s):
        got, want = b"", None
        while want is None or len(got) < want:
            more = s.recv(65536)
            if not more:
                break
            got += more
            end = got.find(b"\r\n\r\n")
            if want is None and end >= 0:
                want = end + 4 + next((int(x.split(b":")[1]) for x in got[:end].split(b"\r\n")
                                       if x.lower().startswith(b"content-length:")), 1 << 30)
        head, _, text = got.partition(b"\r\n\r\n")
        try:
            return int(head.split()[1]), json.JSONDecoder().raw_decode(text.decode())[0]
        except (ValueError, IndexError):
            return (int(head.split()[1]) if head else 0), text.decode(errors="replace")

    def end(self):
        self.p.terminate()
        self.p.wait(10)
