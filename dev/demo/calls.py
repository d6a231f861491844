"""What the demo asks of LiteLLM: a chat completion as any application makes it, and a look into the books."""

from typing import Any, Final, NamedTuple

import httpx

MODEL: Final = "gpt-4o-mini"
PATIENCE: Final = 30.0


class Answer(NamedTuple):
    """A status, and the model's words or the reason of a refusal."""

    status: int
    text: str

    @property
    def accepted(self) -> bool:
        """Whether the key was good for it."""
        return httpx.codes.is_success(self.status)


def chat(base_url: str, key: str, model: str = MODEL) -> Answer:
    """A chat completion with a key."""
    body = {"model": model, "messages": [{"role": "user", "content": "Say hello."}]}
    answer = _client().post(f"{base_url}/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"})
    content: dict[str, Any] = answer.json()
    if answer.is_success:
        return Answer(answer.status_code, str(content["choices"][0]["message"]["content"]))
    return Answer(answer.status_code, str(content["error"]["message"]).splitlines()[0])


def books(url: str, admin_key: str, token_id: str) -> dict[str, Any]:
    """What LiteLLM knows of a key, asked by its id, which is no secret."""
    asked = _client().get(f"{url}/key/info", params={"key": token_id}, headers={"Authorization": f"Bearer {admin_key}"})
    asked.raise_for_status()
    info: dict[str, Any] = asked.json()["info"]
    return info


def _client() -> httpx.Client:
    return httpx.Client(timeout=PATIENCE, trust_env=False)
