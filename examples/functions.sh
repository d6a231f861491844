# For trying keys by hand, as the guides do, with bash or zsh: `. examples/functions.sh`. LITELLM_URL is the proxy's address.

# An entry of a Secret of team-a.
value() {
  kubectl get secrets/"$1" -n team-a -o jsonpath="{.data.$2}" | base64 -d
}

# Tries a key, and prints the status of LiteLLM's answer: 200, or 401 if it does not know the key.
ask() {
  curl -s -o /dev/null -w '%{http_code}\n' "$LITELLM_URL/chat/completions" -H @- -H 'Content-Type: application/json' \
    -d '{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}' <<< "Authorization: Bearer $1"
}

# Deletes a key in LiteLLM by its token id, as an administrator.
revoke() {
  curl -sf -w '\n' "$LITELLM_URL/key/delete" -H @- -H 'Content-Type: application/json' \
    -d "{\"keys\": [\"$1\"]}" <<< "Authorization: Bearer $LITELLM_MASTER_KEY"
}
