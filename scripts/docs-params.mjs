// npm run docs:params: the README's table of parameters anew, from what the encoder does with each row of the catalogue.
import "./lib/bootstrap.mjs";
import { main, run } from "./lib/processes.mjs";

await main(() =>
  run("cargo", ["test", "--test", "native", "readme_params"], { env: { ...process.env, UPDATE_README: "1" } }),
);
