// Free ports on loopback.
import { createServer } from "node:net";

import { Failure } from "./processes.mjs";

const isFree = (port) =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });

/** `first`, or the next port after it that nothing listens on. */
export async function freePortFrom(first) {
  for (let port = first; port < first + 100; port += 1) {
    if (await isFree(port)) return port;
  }
  throw new Failure(`ports ${first} to ${first + 99} are all in use`);
}
