#!/bin/sh
# What docs/control-plane.md shows, run from top to bottom by packages/server/src/cli/documented.test.ts.
set -eu

# #region start
countersign up --background --policies countersign.policy.yaml
countersign status
# #endregion

# On a terminal this is: countersign open
one_time_link() {
  curl -sf -X POST -H "Authorization: Bearer $(cat "$COUNTERSIGN_DIR/operator.secret")" "$URL/v1/owner-link" | field .url
}
field() {
  node -p "JSON.parse(require('node:fs').readFileSync(0, 'utf8'))$1"
}
URL=$(countersign status --format json | field .url)
LINK=$(one_time_link)

# #region sign-in
countersign login --link "$LINK" # what `countersign open` printed
countersign key add file-manager --owner me --print > agent.key
# #endregion

curl -sf -H "Authorization: Bearer $(cat agent.key)" -H "Content-Type: application/json" -d @"$ASK" "$URL/v1/approvals" > asked.json
LINK=$(one_time_link)
ID=$(field .request.id < asked.json)
DIGEST=$(field .request.requestDigest < asked.json)

# #region vote
TOKEN=$(countersign login --link "$LINK" --print)
curl -sf -H "Authorization: Bearer $TOKEN" "$URL/v1/approvals?state=pending" # the list: ids, tools, reasons, digests
curl -sf -H "Authorization: Bearer $TOKEN" "$URL/v1/approvals/$ID"           # one of them, with the arguments that would run
curl -sf -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" "$URL/v1/approvals/$ID/vote" \
  -d '{"choice":"approve","requestDigest":"'"$DIGEST"'","viewedDigest":null,"reason":"looked at it","grant":null}'
# #endregion

# #region people
countersign person invite ann@example.com --role approver --print > link-for-ann
countersign person ls
countersign key ls
countersign key revoke file-manager
# #endregion

# #region push
countersign policy push countersign.policy.yaml --check
countersign policy push countersign.policy.yaml --comment "two people for production"
# #endregion

# #region audit
countersign audit keys > checkpoint-keys # keep it elsewhere
countersign audit export record.jsonl
countersign audit verify record.jsonl --key checkpoint-keys
countersign audit query --event vote_cast --limit 5
# #endregion

# #region erase
curl -sf -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" "$URL/v1/record/erase" \
  -d '{"before":1795392000000,"reason":"older than our retention"}'
# #endregion

# #region backup
countersign backup countersign.backup
cp "$COUNTERSIGN_DIR/master.key" countersign.master.key # to another place than the backup
# #endregion

countersign doctor

# #region restore
countersign restore countersign.backup --dir restored
cp countersign.master.key restored/master.key
countersign up --background --dir restored
countersign down --dir restored
# #endregion

countersign down

if [ -n "${POSTGRES_URL:-}" ]; then
  # #region postgres
  export COUNTERSIGN_POSTGRES_URL="$POSTGRES_URL"
  export COUNTERSIGN_MASTER_KEY="$(openssl rand -base64 32)" # the same for every instance
  countersign up --background --dir instance-1 --policies countersign.policy.yaml
  countersign up --background --dir instance-2
  # #endregion
  countersign status --dir instance-2
  countersign down --dir instance-1
  countersign down --dir instance-2
fi
