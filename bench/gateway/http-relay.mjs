// What any HTTP program between a client and its server costs at least: node:http on both legs with kept connections, `node http-relay.mjs
// bytes|parse URL PORT`. It passes bytes on, or reads every message whole and parses it first.
import { Agent, createServer, request } from "node:http";

const [how = "bytes", url = "", port = ""] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });
const { hostname, port: to, pathname } = new URL(url);

createServer((given, answer) => {
  const sent = request({ host: hostname, port: to, path: pathname, method: given.method, headers: { ...given.headers, host: `${hostname}:${to}` }, agent }, (came) => {
    const { connection: _connection, "transfer-encoding": _encoding, ...headers } = came.headers;
    answer.writeHead(came.statusCode ?? 502, headers);
    if (how === "bytes") came.pipe(answer);
    else whole(came, (bytes) => answer.end(bytes));
  });
  sent.on("error", () => answer.destroy());
  answer.on("close", () => answer.writableFinished || sent.destroy());
  if (how === "bytes") given.pipe(sent);
  else whole(given, (bytes) => sent.end(bytes));
}).listen(Number(port), "127.0.0.1");

/**
 * @param {import("node:http").IncomingMessage} from
 * @param {(bytes: Buffer) => void} then
 */
function whole(from, then) {
  /** @type {Buffer[]} */
  const parts = [];
  from.on("data", (part) => parts.push(part));
  from.on("end", () => {
    const bytes = Buffer.concat(parts);
    const text = bytes.toString("utf8");
    const isStream = from.headers["content-type"]?.startsWith("text/event-stream") === true;
    for (const json of isStream ? [...text.matchAll(/^data: (.+)$/gm)].map(([, data = "null"]) => data) : [text]) if (json !== "") JSON.parse(json);
    then(bytes);
  });
}
