// What of models.dev belongs to what of ours: the one place to change when a provider is added, or when a figure of ours is
// better than theirs.
//
// The form of the data set is that of packages/core/src/schema.ts in github.com/anomalyco/models.dev (MIT).

/** All providers and their models. */
export const DATA_SET = "https://models.dev/api.json";

/**
 * By our provider id:
 * - `id`: theirs.
 * - `adds`: a model that is newer than all we have there is added. Not where there are hundreds, many of them served
 *   elsewhere too: there a person chooses (`--add`).
 * - `ours`: fields that are never taken from them, and why.
 * - `tierIncludesSize`: a prompt of exactly a tier's size is at its price already.
 * - `mayLack`: the data set has had times without the provider; its rows then stay as they are.
 * - `elsewhere`: rows whose name there they do not have. They are neither compared nor retired.
 */
export const PROVIDERS = {
  openai: { id: "openai", adds: true },
  anthropic: { id: "anthropic", adds: true, ours: { json_schema: "by the documentation: 4.1 and 4.5 on" } },
  azure: { id: "azure", adds: false },
  gemini: {
    id: "google",
    adds: true,
    ours: {
      efforts: "those of the OpenAI-compatible endpoint",
      json_schema: "every Gemini model has it",
    },
  },
  xai: { id: "xai", adds: true, tierIncludesSize: true, ours: { json_schema: "every model has it" } },
  mistral: {
    id: "mistral",
    adds: true,
    ours: { json_schema: "every model has it" },
    elsewhere: ["mistral-medium-3.5"],
  },
  deepseek: { id: "deepseek", adds: true, ours: { json_schema: "the service has none" } },
  groq: { id: "groq", adds: true },
  cerebras: { id: "cerebras", adds: true },
  // Not in a copy of 2026-08-18; in the repository since.
  sambanova: { id: "sambanova", adds: true, mayLack: true },
  nvidia: { id: "nvidia", adds: false },
  together: { id: "togetherai", adds: false },
  fireworks: { id: "fireworks-ai", adds: false, ours: { json_schema: "every model has it" } },
  "workers-ai": { id: "cloudflare-workers-ai", adds: false },
  openrouter: { id: "openrouter", adds: false, ours: { efforts: "by OpenRouter's own list, which says what it makes of each" } },
};

/** Fields of single rows that are not taken from models.dev: `provider/own id` to the fields, with the reason beside it. */
export const KEPT = {
  // An agent that is billed by the models it calls.
  "groq/groq/compound": ["price"],
};
