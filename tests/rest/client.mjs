// What a web front end does with the official client of PostgREST. Prints one JSON document: what came of each call.
import { createHmac } from "node:crypto";
import { PostgrestClient } from "@supabase/postgrest-js";

const [url, secret] = process.argv.slice(2);

function token(claims) {
  const encode = (data) => Buffer.from(JSON.stringify(data)).toString("base64url");
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

const client = (headers) => new PostgrestClient(url, { schema: "jobs", headers });
const web = client({ Authorization: `Bearer ${token({ role: "web" })}` });
const anonymous = client({});
const stranger = client({ Authorization: `Bearer ${token({ role: "postgres" })}` });

const said = {};
async function note(name, call) {
  const { status, data, error } = await call;
  said[name] = { status, data, code: error?.code, message: error?.message, hint: error?.hint };
  return data;
}

const job = await note("publish", web.rpc("publish", { i_task: "emails.send", i_body: { kwargs: { to: "ann@example.org", n: 2 } } }));
const many = await note("publish_json", web.rpc("publish_json", {
  i_jobs: [1, 2, 3].map((n) => ({ task: "emails.send", body: { args: ["bob@example.org", n] } })),
}));
await note("wrong_type", web.rpc("publish", { i_task: "emails.send", i_body: { args: ["ann@example.org", "the canary"] } }));
await note("wrong_in_many", web.rpc("publish_json", { i_jobs: [{ task: "emails.send", body: { args: ["a", 1] } }, { task: "emails.send" }] }));
await note("other_topic", web.rpc("publish", { i_task: "reports.build" }));
await note("wrong_number", web.rpc("publish", { i_task: "emails.send", i_body: { args: ["a", 1] }, i_timeout: -1 }));
await note("unknown_argument", web.rpc("publish", { task: "emails.send" }));

// Waiting without a stream: ask again until it has ended.
async function wait(id) {
  for (let pause = 50; ; pause = Math.min(pause * 2, 1000)) {
    const { data, error } = await web.rpc("result", { i_job: id }, { get: true });
    if (error) throw new Error(error.message);
    if (data[0] && !["pending", "running"].includes(data[0].status)) return data[0];
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
said.results = [await wait(job.job_id), ...(await Promise.all(many.map((one) => wait(one.job_id))))];

// What it may not do.
const calls = {
  consume: { num: 1 }, ack: { i_job: job.job_id }, explain: { i_job: job.job_id }, overview: {}, find: {}, cancel: { i_jobs: [job.job_id] },
  grant_topic: { i_role: "web", i_topic: "*" }, _limits: { i_publish: true },
};
said.refused = {};
for (const [who, asks] of [["web", web], ["anonymous", anonymous], ["stranger", stranger]]) {
  const everything = who === "web" ? calls : { ...calls, publish: { i_task: "emails.send" }, result: { i_job: job.job_id } };
  for (const [name, parameters] of Object.entries(everything)) {
    said.refused[`${who} ${name}`] = (await asks.rpc(name, parameters)).status;
  }
  for (const relation of ["all", "running", "job_queue", "job", "pending", "config", "worker", "topic_grant"]) {
    said.refused[`${who} ${relation}`] = (await asks.from(relation).select()).status;
  }
}
said.get_publishes = (await web.rpc("publish", { i_task: "emails.send" }, { get: true })).status;
console.log(JSON.stringify(said));
