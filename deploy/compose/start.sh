#!/usr/bin/env bash
# Starts andon in the stack of compose.yaml: `start.sh KEYS CONFIG`. The first time it makes the access tokens of the
# stack, each in a folder that only its user mounts; andon keeps their hashes. What is there already stays.
set -euo pipefail
keys=$1
config=$2

# key FILE NAME SCOPE: makes a token, unless it is there.
key() {
  local file=$keys/$1
  if [ ! -s "$file" ]; then
    andon token new --name "$2" --scopes "$3" --expires never --file "$keys/andon/tokens.toml" >"$file.new" 2>/dev/null
    mv "$file.new" "$file"
    echo "made the token of $2" >&2
  fi
}

umask 077
key andon/admin.token admin admin
# Whoever scrapes and alerts runs as a user of its own.
umask 022
key prometheus/andon.token prometheus read
key alertmanager/andon.token alertmanager alert
umask 077
exec andon serve --config "$config"
