"""The story that the demo tells, each of its sentences checked while it is told."""

import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeVar

from dev import progress
from dev.demo import calls, screen
from dev.demo.stage import PLATFORM, QUICKSTART, TENANT, Stage, forget

T = TypeVar("T")

EXAMPLE_URL: Final = "http://litellm.llm-platform:4000"
"""The address in the example, in whose place the demo's own proxy is put."""
LONG, SHORT = "app", "job"
"""The quick start's two claims."""
PATIENCE: Final = 60.0
A_MOMENT: Final = 2.0
"""Seconds that a chat completion may take on a busy machine."""


class StoryError(Exception):
    """Something that the demo was to show did not come true; the message says what."""


class Delivered(NamedTuple):
    """What an application finds in its Secret."""

    key: str
    base_url: str

    @property
    def preview(self) -> str:
        """The end of the key."""
        return f"sk-...{self.key[-4:]}"


class Story:
    """Tells it on one stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def tell(self) -> None:
        """From the claims to the end of their keys; raises `StoryError`, `ServerError`."""
        long, short = self._declare()
        token_id = str(self._key(LONG)["status"]["tokenID"])
        self._use(long, token_id)
        self._outlive(short)
        self._delete([long, self._rotate(long)], str(self._key(LONG)["status"]["tokenID"]))

    def _declare(self) -> tuple[Delivered, Delivered]:
        screen.chapter("1. A platform team declares its proxy and a role; a team claims two keys")
        self._kubectl("apply", "-f", "examples/quickstart/00-namespaces.yaml")
        forget(self._stage.cluster)
        self._store_admin_key()
        screen.say(f"  (examples/quickstart, with the address of this proxy, {self._stage.litellm.url})")
        began = time.monotonic()
        texts = [file.read_text(encoding="utf-8") for file in sorted(QUICKSTART.glob("*.yaml"))]
        manifests = "\n---\n".join(texts).replace(EXAMPLE_URL, self._stage.litellm.url)
        screen.command(
            "kubectl apply -f examples/quickstart", self._stage.cluster.kubectl("apply", "-f", "-", input=manifests)
        )
        names = (f"litellmkeys/{LONG}", f"litellmkeys/{SHORT}")
        self._kubectl("wait", "--for=condition=Ready", *names, "-n", TENANT, f"--timeout={PATIENCE:g}s")
        screen.found(f"both keys were ready {progress.duration(time.monotonic() - began)} after the command")
        # At once: on a busy machine the short one's time may be over before its chapter comes.
        delivered = self._delivered(LONG), self._delivered(SHORT)
        self._kubectl("get", "litellm", "-A")
        self._kubectl("get", "secrets", "-n", TENANT)
        return delivered

    def _store_admin_key(self) -> None:
        # Not as it is printed: a command line can be read by everybody on the machine.
        manifest = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "litellm-admin", "namespace": PLATFORM},
            "stringData": {"master-key": self._stage.litellm.master_key},
        }
        applied = self._stage.cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(manifest))
        create = f"kubectl create secret generic litellm-admin -n {PLATFORM}"
        screen.command(
            f'{create} --from-literal=master-key="$LITELLM_MASTER_KEY"',
            applied.replace("serverside-applied", "created"),
        )

    def _use(self, long: Delivered, token_id: str) -> None:
        screen.chapter("2. An application uses the key out of its Secret")
        screen.command(
            f"kubectl get secret {LONG} -n {TENANT} -o jsonpath='{{.data.OPENAI_API_KEY}}' | base64 -d", long.preview
        )
        answer = calls.chat(long.base_url, long.key)
        _require(answer.status, 200, f"a chat completion with the key of Secret {TENANT}/{LONG}", answer.text)
        curl = f'curl {long.base_url}/chat/completions -H "Authorization: Bearer $OPENAI_API_KEY" ...'
        screen.command(curl, f"{answer.status} {calls.MODEL}: {answer.text}")
        other = calls.chat(long.base_url, long.key, "fake-large")
        if other.accepted:
            raise StoryError("the key opened a model that its role does not name")
        screen.found(f"a model that the role does not name is refused ({other.status})")

        def spent() -> dict[str, Any] | None:
            info = calls.books(self._stage.litellm.url, self._stage.litellm.master_key, token_id)
            return info if info["spend"] else None

        info = self._until("LiteLLM to write down what that cost", spent, "2 s")
        screen.found(
            f"LiteLLM's books: key {info['key_alias']} spent ${info['spend']:.3f} of ${info['max_budget']:.2f}"
        )

    def _outlive(self, short: Delivered) -> None:
        expires = datetime.fromisoformat(str(self._key(SHORT)["status"]["expiresAt"]))
        screen.chapter(f"3. The time of the other key is over at {expires:%H:%M:%S} UTC")
        left = max(0.0, (expires - datetime.now(UTC)).total_seconds())
        if left > A_MOMENT:
            before = calls.chat(short.base_url, short.key)
            _require(before.status, 200, f"a chat completion with the key of Secret {TENANT}/{SHORT}", before.text)
            screen.found(f"until then it works: {before.text}")

        def refused() -> calls.Answer | None:
            time.sleep(max(A_MOMENT / 2, (expires - datetime.now(UTC)).total_seconds()))  # each try costs the key money
            answer = calls.chat(short.base_url, short.key)
            return None if answer.accepted else answer

        after = self._until("the end of its time", refused, progress.duration(left), left + PATIENCE)
        _require(after.status, 401, "a chat completion after the key's end", after.text)
        screen.found(f"LiteLLM refuses it: 401 {_first_sentence(after.text)}")

        def gone() -> bool | None:
            reason = self._ready_reason(SHORT)
            listed = self._stage.cluster.kubectl(
                "get", "secret", SHORT, "-n", TENANT, "--ignore-not-found", "-o", "name"
            )
            return True if reason == "Expired" and not listed else None

        self._until("the operator to clean up", gone, "1 s")
        screen.found("the operator removed its Secret and says Expired")
        self._kubectl("get", "litellmkeys", "-n", TENANT, "-o", "wide")

    def _rotate(self, old: Delivered) -> Delivered:
        screen.chapter("4. The first key is rotated, now instead of in twenty days")
        self._kubectl("annotate", "litellmkey", LONG, "-n", TENANT, f"llmkeys.io/rotate={time.time():.0f}")
        rotated = "--for=jsonpath={.status.revision}=2"
        self._kubectl("wait", rotated, f"litellmkeys/{LONG}", "-n", TENANT, f"--timeout={PATIENCE:g}s")
        new = self._delivered(LONG)
        for delivered in (new, old):
            answer = calls.chat(delivered.base_url, delivered.key)
            _require(answer.status, 200, f"a chat completion with {delivered.preview} after the rotation", answer.text)
        retiring = self._key(LONG)["status"]["retiring"][0]
        screen.found(f"the Secret holds {new.preview}; {old.preview} works as well until {retiring['retireAt']}")
        return new

    def _delete(self, values: list[Delivered], token_id: str) -> None:
        screen.chapter("5. The claim is deleted")
        self._kubectl("delete", "litellmkey", LONG, "-n", TENANT, f"--timeout={PATIENCE:g}s")
        answers = [calls.chat(value.base_url, value.key) for value in values]
        for answer in answers:
            _require(answer.status, 401, "a chat completion with a revoked key", answer.text)
        screen.found(f"it returned after both values were revoked: 401 {_first_sentence(answers[-1].text)}")
        status = calls.books(self._stage.litellm.url, self._stage.litellm.master_key, token_id).get("status")
        screen.found(f"LiteLLM's books: status {status}")
        columns = "custom-columns=OBJECT:.involvedObject.name,REASON:.reason,MESSAGE:.message"
        events = ("get", "events", "-n", TENANT, "--sort-by=.metadata.creationTimestamp", "-o", columns)

        def told() -> bool | None:
            return True if "KeyRevoked" in self._stage.cluster.kubectl(*events) else None

        self._until("the Events", told, "1 s")
        self._kubectl(*events)

    def _kubectl(self, *arguments: str) -> None:
        screen.command(f"kubectl {' '.join(arguments)}", self._stage.cluster.kubectl(*arguments))

    def _key(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            self._stage.cluster.kubectl("get", "litellmkey", name, "-n", TENANT, "-o", "json")
        )
        return found

    def _ready_reason(self, name: str) -> str:
        conditions = self._key(name)["status"]["conditions"]
        return next((str(one["reason"]) for one in conditions if one["type"] == "Ready"), "")

    def _delivered(self, name: str) -> Delivered:
        data = json.loads(self._stage.cluster.kubectl("get", "secret", name, "-n", TENANT, "-o", "json"))["data"]
        key, base_url = (base64.b64decode(data[entry]).decode() for entry in ("OPENAI_API_KEY", "OPENAI_BASE_URL"))
        return Delivered(key, base_url)

    def _until(self, what: str, look: Callable[[], T | None], usually: str, patience: float = PATIENCE) -> T:
        """Looks again and again until there is something to see; raises `StoryError` when patience ends."""
        deadline = time.monotonic() + patience
        with progress.step(f"waiting for {what}", usually):
            while True:
                seen = look()
                if seen is not None:
                    return seen
                if time.monotonic() > deadline:
                    raise StoryError(f"waited {progress.duration(patience)} for {what}")
                time.sleep(0.2)


def _require(status: int, wanted: int, what: str, text: str) -> None:
    if status != wanted:
        raise StoryError(f"{what} was answered with {status}, not {wanted}: {text}")


def _first_sentence(text: str) -> str:
    return text.split(". ", 1)[0]
