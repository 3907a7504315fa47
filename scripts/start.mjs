// npm start: from a fresh clone to a gateway that answers.
import "./lib/bootstrap.mjs";
import { runLocalGateway } from "./lib/local-gateway.mjs";
import { main } from "./lib/processes.mjs";

// Ctrl-C is the ordinary way to end it, not a failure.
await main(() => runLocalGateway({ profile: "release" }), { stopCode: () => 0 });
