// What the clients have in common. `converse(url, request)` of each takes
//   {model, system?, question: [{text} | {image: address}], tools?: {name: {description, parameters, run}}, effort?, schema?, stream,
//    ...fields of the body}
// and resolves with `{steps, error?}`: one step for each answer of the model, and what the client threw, if it did.

/** An answer, in the same words for every client. */
export const emptyStep = () => ({
  text: '',
  reasoning: '',
  /** `{id, name, input}` each. */
  calls: [],
  /** OpenAI's word. */
  finish: undefined,
  /** Tokens: `{input, output, reasoning}`. */
  usage: undefined,
  /** The answer by a schema, read by the client. */
  object: undefined,
  images: [],
});
