/**
 * The environment a server of a configuration file is started with: what every program needs, and what the file sets. The gateway's own
 * may hold the secrets of other servers, so nothing else of it goes along.
 */

const NEEDED = process.platform === "win32"
  ? ["APPDATA", "COMSPEC", "HOMEDRIVE", "HOMEPATH", "LOCALAPPDATA", "PATH", "PATHEXT", "PROCESSOR_ARCHITECTURE", "PROGRAMDATA", "PROGRAMFILES", "SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "TMP", "USERNAME", "USERPROFILE"]
  : ["HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"];

export function serverEnvironment(own: NodeJS.ProcessEnv, set: { readonly [name: string]: string }): NodeJS.ProcessEnv {
  // Names have no case on Windows, and process.env finds them in any.
  const needed = NEEDED.flatMap((name) => (own[name] === undefined ? [] : [[name, own[name]] as const]));
  return { ...Object.fromEntries(needed), ...set };
}
