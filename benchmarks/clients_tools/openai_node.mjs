// openai-node against the server; prints one JSON object.
import fs from "node:fs";
import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 1, timeout: 300_000 });
const messages = [{ role: "user", content: "Spring" }];
const checks = {};
const mine = (text) => text.trim() !== "" && text.replaceAll(process.env.WORD, "").trim() === "";

async function check(name, work) {
  try {
    checks[name] = (await work()) || "false";
  } catch (error) {
    checks[name] = `${error.constructor.name}: ${error.message}`.slice(0, 300);
  }
}

await check("chat", async () => mine((await client.chat.completions.create({ model: "live", messages, max_tokens: 6 })).choices[0].message.content));
await check("stream", async () => {
  let text = "";
  for await (const chunk of await client.chat.completions.create({ model: "live", messages, max_tokens: 6, stream: true }))
    text += chunk.choices[0]?.delta?.content ?? "";
  return mine(text);
});
await check("stream helper", async () => {
  const runner = (client.chat.completions.stream ? client.chat.completions : client.beta.chat.completions).stream({ model: "live", messages, max_tokens: 6 });
  return mine((await runner.finalChatCompletion()).choices[0].message.content);
});
await check("embeddings", async () => (await client.embeddings.create({ model: "starter", input: ["a", "b"] })).data[1].embedding.length > 8);
await check("models", async () => {
  const names = [];
  for await (const one of client.models.list()) names.push(one.id);
  return names.includes("live");
});
await check("errors", async () => {
  try {
    await client.chat.completions.create({ model: "nothing", messages });
  } catch (error) {
    return error instanceof OpenAI.NotFoundError && error.code === "model_not_found";
  }
});
await check("file and job", async () => {
  const file = await client.files.create({ file: fs.createReadStream(process.env.TRAINING), purpose: "fine-tune" });
  const job = await client.fineTuning.jobs.create({ model: "starter", training_file: file.id, hyperparameters: { n_epochs: 1 } });
  let now = await client.fineTuning.jobs.cancel(job.id);
  for (let tries = 0; now.status !== "cancelled" && tries < 120; tries++) {
    await new Promise((done) => setTimeout(done, 500));
    now = await client.fineTuning.jobs.retrieve(job.id);
  }
  return now.status === "cancelled" && (await client.files.delete(file.id)).deleted;
});
const version = JSON.parse(fs.readFileSync(new URL("./node_modules/openai/package.json", import.meta.url))).version;
console.log(JSON.stringify({ version, checks }));
