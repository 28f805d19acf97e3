#!/bin/sh
# What docs/gateway-install.md shows, run from top to bottom by packages/server/src/cli/gateway-install-documented.test.ts.
set -eu

# #region look
countersign gateway ls
countersign gateway install cursor --dry-run
# #endregion

# #region install
countersign gateway install cursor --yes
countersign gateway install codex --server context7 --yes # only this one
# #endregion

# #region project
countersign gateway install cursor --scope project --yes
# #endregion

# #region list
countersign gateway ls --json > clients.json
# #endregion

# #region uninstall
countersign gateway uninstall cursor --yes
countersign gateway uninstall codex --from-copy --yes
# #endregion
