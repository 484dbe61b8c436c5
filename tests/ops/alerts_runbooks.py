"""Tries every command of docs/runbooks.md on what is running: whoever copies one at three in the morning must not find a typo.

Questions to Prometheus must be understood, addresses of andon must be there, and every `andon …` must be a command line
that the program takes. Those that change something are given a daemon that isn't there: what counts is that they get so far.
"""

import os
import re
import subprocess

from alerts_stack import fetch, query, Failed

# Commands that only look.
LOOKS = re.compile(r"^andon (why|incidents( --workflow \S+)?( --all)?|mode( \S+)?|gate|base|requests( show \S+)?$|drill --list|review|baseline \S+ \S+|ledger export)( |$)")
WORDS = {
    "$W": "{workflow}", "GUARD": "{guard}", "ITEM": "{item}", "house:N": "house:1", "FILE": "{file}", "FOLDER": "{store}",
    "ELSEWHERE": "{store}", "PID": "0", "REQUEST": "contested-r1", "NAME": "ann",
}


def spans(text):
    """Code between backticks, outside of fenced blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))


def unquote(argument):
    """What the shell makes of a quoted word."""
    if argument.startswith("'"):
        return argument[1 : argument.index("'", 1)]
    return re.match(r'"((?:[^"\\]|\\.)*)"', argument)[1].replace('\\"', '"')


def check(text, andon, prometheus, workflow, guard, item):
    """What is wrong with the commands, as sentences."""
    wrong, tried = [], 0
    fill = {"workflow": workflow, "guard": guard, "item": item, "file": str(andon.file), "store": str(andon.store)}

    def fitted(command):
        for word, value in WORDS.items():
            command = command.replace(word, value.format(**fill))
        return re.sub(r"\bID\b", f"{workflow}-1", command)

    for span in spans(text):
        if span.startswith("q "):
            tried += 1
            try:
                query(prometheus, unquote(fitted(span)[2:]))
            except (Failed, ValueError, TypeError) as error:
                wrong.append(f"`{span}`: {error}")
        elif span.startswith("curl ") and "$ANDON_URL" in span and "-X POST" not in span:
            tried += 1
            path = re.search(r"\$ANDON_URL(\S+)", fitted(span))[1]
            status, body = fetch(andon.url + path)
            if status != 200:
                wrong.append(f"`{span}`: {status} {body[:200]}")
            filtered = re.search(r"jq '(.+)'", span)
            if filtered:
                done = subprocess.run(["jq", filtered[1]], input=body, capture_output=True, text=True, timeout=10, check=False)
                if done.returncode != 0 or ("select" not in filtered[1] and not done.stdout.strip()):
                    wrong.append(f"`{span}`: {done.stderr or 'jq finds nothing'}")
        elif span.startswith("andon ") and "…" not in span.split('"')[0]:
            tried += 1
            command = fitted(span).split(" | ")[0]
            looks = LOOKS.match(command) and "--learn" not in command
            environment = {**os.environ, "ANDON_URL": andon.url if looks else "http://127.0.0.1:1", "NO_COLOR": "1"}
            done = subprocess.run(
                ["sh", "-c", command.replace("andon ", f"{andon.stack.program} ", 1)],
                env=environment, cwd=andon.folder, capture_output=True, text=True, timeout=60, check=False,
            )
            # 64 is what the command line gives for words that it doesn't know; a gate that is closed gives 1.
            closed = command.startswith("andon gate") and done.returncode == 1
            if done.returncode == 64 or (looks and done.returncode != 0 and not closed):
                wrong.append(f"`{span}`: exit code {done.returncode}: {(done.stderr or done.stdout)[:200]}")
    return wrong, tried
