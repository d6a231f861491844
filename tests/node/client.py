"""Runs in a Pod: asks LiteLLM for one completion after another, with the key that its Secret holds at that moment.

Prints a line of JSON for each value of the key that is new to it, for each refusal, for each change of the files beside
the key, and with each tenth answer how many there were.
"""

import hashlib
import json
import os
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

MOUNT = Path("/var/run/llm")


def say(**what: Any) -> None:
    """One line."""
    print(json.dumps(what), flush=True)  # noqa: T201 - its log is read by the tests


def found() -> tuple[str, str]:
    """The key and where it is good: from the mounted Secret if there is one, else from the environment."""
    if MOUNT.exists():
        # Two files of one state: the kubelet switches all of them at once by this link.
        now = (MOUNT / "..data").resolve()
        return (now / "api-key").read_text(), (now / "base-url").read_text()
    return os.environ["OPENAI_API_KEY"], os.environ["OPENAI_BASE_URL"]


def ask(key: str, url: str) -> tuple[int, str]:
    """Status and text of one answer; status 0 if there is none."""
    # While a request lasts LiteLLM sets aside the most that it may cost: unlimited, at these prices, the whole budget.
    limits = {"model": "gpt-4o-mini", "max_tokens": 10}
    body = json.dumps({**limits, "messages": [{"role": "user", "content": "hello"}]})
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/chat/completions", body.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)["choices"][0]["message"]["content"]
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()[:200]
    except OSError as error:
        return 0, str(error)


def main() -> None:
    """For as long as the Pod lives."""
    seen, files, answered = "", "", 0
    while True:
        try:
            key, url = found()
        except FileNotFoundError:
            continue  # switched between two looks
        status, text = ask(key, url)
        answered += status == 200
        if status != 200:
            say(refused=status, text=text)
        if key != seen:
            seen = key
            say(token=hashlib.sha256(key.encode()).hexdigest(), status=status, text=text)
        if MOUNT.exists() and (listed := " ".join(sorted(path.name for path in MOUNT.iterdir()))) != files:
            files = listed
            say(files=files)
        if answered % 10 == 1:
            say(answered=answered)
        time.sleep(0.2)  # each costs two cents, of a budget of 20 dollars


if __name__ == "__main__":
    main()
