// What `npm start` prints when the gateway answers: commands and code to paste.

const BODY = { messages: [{ role: "user", content: "Hello! Who are you?" }] };

function curl(baseUrl, apiKey, model, projectId, extra = {}) {
  const body = JSON.stringify({ model, ...BODY, ...extra, ...(projectId && { project_id: projectId }) });
  return `curl -N ${baseUrl}/chat/completions -H "authorization: Bearer ${apiKey}" -H "content-type: application/json" \\
  -d '${body}'`;
}

/** `model`: what to ask for. `projectId`: what requests must name, or null where the gateway has a default. */
export function snippets({ baseUrl, apiKey, model, projectId }) {
  return `Ask it something:

${curl(baseUrl, apiKey, model, projectId).replace("curl -N", "curl")}

The same, streamed:

${curl(baseUrl, apiKey, model, projectId, { stream: true })}

From Node (npm install openai):

  import OpenAI from "openai";
  const client = new OpenAI({ baseURL: "${baseUrl}", apiKey: "${apiKey}"${projectId ? `, project: "${projectId}"` : ""} });
  const reply = await client.chat.completions.create(${`{
    model: "${model}",
    messages: [{ role: "user", content: "Hello! Who are you?" }],
  }`});
  console.log(reply.choices[0].message.content);

From Python (pip install openai):

  from openai import OpenAI
  client = OpenAI(base_url="${baseUrl}", api_key="${apiKey}"${projectId ? `, project="${projectId}"` : ""})
  reply = client.chat.completions.create(
      model="${model}",
      messages=[{"role": "user", "content": "Hello! Who are you?"}],
  )
  print(reply.choices[0].message.content)
`;
}
