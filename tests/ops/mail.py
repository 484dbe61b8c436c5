"""Mail through aiosmtpd: a breach lowers a workflow, and the mail arrives, once, with whom the server lets have it.

The server offers STARTTLS with a certificate of an authority of its own, wants a log-in, and refuses one of two
recipients. Beside that target there is one with a wrong password, and one that doesn't trust the authority: both are
failures that people mend, and cost no message.
"""

import argparse
import email
import email.policy
import json
import logging
import pathlib
import ssl
import subprocess
import sys
import tempfile
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from alerts_stack import Failed, Process, fetch, free_port, until

USER, PASSWORD = "andon", "correct horse battery staple"
TOOK, REFUSED = "on-call@example.com", "gone@example.com"


def certificates(folder):
    """An authority, and a certificate that it signed for the loopback address."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=mail test")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "server.pem")


class Server:
    """Keeps what it takes, and how it came."""

    def __init__(self):
        self.mails, self.asked = [], []

    async def handle_RCPT(self, server, session, envelope, address, options):
        self.asked.append(address)
        if address == REFUSED:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((list(envelope.rcpt_tos), envelope.content, session.authenticated, session.ssl is not None))
        return "250 OK"


def log_in(server, session, envelope, mechanism, given):
    fine = isinstance(given, LoginPassword) and (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=fine, handled=False)


def configuration(folder, port, mail_port):
    (folder / "right").write_text(PASSWORD + "\n")
    (folder / "wrong").write_text("letmein-letmein\n")

    def target(name, to, password="right", more='ca_file = "ca.pem"'):
        return f"""
[[notify]]
name = "{name}"
kind = "email"
host = "127.0.0.1"
port = {mail_port}
allow_private = true
username = "{USER}"
password_file = "{password}"
from = "andon <andon@example.com>"
to = {json.dumps(to)}
{more}
"""

    text = f"""
[server]
listen = "127.0.0.1:{port}"
[store]
path = "data"
[drill]
every = "never"
[notifications]
settle = "0s"
first_backoff = "1s"
timeout = "5s"
[[workflow]]
id = "drafts"
start_mode = "automate"
  [[workflow.guard]]
  signal = "exception_rate"
  name = "exceptions"
  bound = {{ collaborate = 0.20, delegate = 0.05, automate = 0.02 }}
  block = 1
"""
    text += target("people", [f"On call <{TOOK}>", REFUSED])
    text += target("locked-out", [TOOK], password="wrong") + target("stranger", [TOOK], more="")
    (folder / "andon.toml").write_text(text)


def check(what, holds):
    if not holds:
        raise Failed(what)
    print(f"ok: {what}")


def targets(url):
    status, text = fetch(f"{url}/v1/notifications")
    return {target["name"]: target for target in json.loads(text)["targets"]} if status == 200 else {}


def drive(url, server):
    until("the daemon answers", lambda: fetch(f"{url}/readyz")[0] == 200)
    events = [{"id": f"o{n}", "workflow": "drafts", "outcome": "exception", "exception": "timeout"} for n in range(60)]
    status, text = fetch(f"{url}/v1/events", json.dumps(events), {"content-type": "application/json"})
    check("the outputs were taken", status == 200 and json.loads(text)["accepted"] == 60)
    mode = json.loads(fetch(f"{url}/v1/workflows/drafts/mode")[1])["mode"]
    check(f"the workflow was lowered to {mode}", mode == "assist")

    until("a mail", lambda: server.mails)
    people = until("it is noted", lambda: (lambda one: one["last_error"] and one)(targets(url)["people"]))
    to, content, authenticated, encrypted = server.mails[0]
    mail = email.message_from_bytes(content, policy=email.policy.default)
    check("it is for the one whom the server lets have it", to == [TOOK] and server.asked.count(REFUSED) == 1)
    check("it came encrypted, after a log-in", encrypted and authenticated)
    check("its headers are those of a notification",
          mail["From"] == "andon <andon@example.com>" and TOOK in mail["To"] and REFUSED in mail["To"]
          and mail["Subject"] == "[andon] [major] drafts was lowered from automate to assist"
          and mail["Auto-Submitted"] == "auto-generated" and mail["X-Andon-Id"].startswith("ledger-")
          and mail["Message-ID"].startswith("<ledger-") and mail["References"] and mail["Date"].datetime)
    check("its text is plain and says why", mail.get_content_type() == "text/plain" and "exception" in mail.get_content())
    check("the refusal is shown, without an address", people["last_error"] ==
          "the mail server answered 550 for 1 of 2 recipients: the others have the message")
    metrics = fetch(f"{url}/metrics")[1]
    check("and counted", 'andon_notification_recipients_refused_total{target="people"} 1' in metrics.splitlines())

    def failed(name):
        return until(f"{name} failed twice", lambda: (lambda one: one["failures"] >= 2 and one)(targets(url)[name]))

    locked_out, stranger = failed("locked-out"), failed("stranger")
    check("a wrong password costs no message", locked_out["last_error"] == "the mail server answered 535"
          and (locked_out["dead"], locked_out["pending"]) == (0, 1))
    check("a server that isn't trusted gets nothing", "can't be trusted" in stranger["last_error"]
          and (stranger["dead"], stranger["pending"]) == (0, 1))
    # Two more attempts of the others have passed: whoever repeats would have done it by now.
    people = targets(url)["people"]
    check("it came once", len(server.mails) == 1 and (people["pending"], people["dead"]) == (0, 0))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--andon", required=True, type=pathlib.Path)
    # Of the one that doesn't trust it the server tells at length.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    program = parser.parse_args().andon.resolve()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        certificates(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        server, port, mail_port = Server(), free_port(), free_port()
        mail = Controller(server, hostname="127.0.0.1", port=mail_port, tls_context=context, require_starttls=True,
                          authenticator=log_in, auth_required=True)
        configuration(folder, port, mail_port)
        mail.start()
        daemon = Process("andon", [str(program), "serve", "--config", "andon.toml"], folder)
        try:
            drive(f"http://127.0.0.1:{port}", server)
        except Failed as error:
            print(f"FAILED: {error}\n{daemon.tail(40)}\nmails: {server.mails}", file=sys.stderr)
            return 1
        finally:
            daemon.stop()
            mail.stop()
    print(f"mail through aiosmtpd: as it should be ({time.monotonic() - began:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
