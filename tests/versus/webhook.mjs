// Function `webhook` as one would write it in Node.js: proves Meta's signature, puts the call on a queue, answers.
//
// The loop at the end asks Lambda's Runtime API for events with less around it than AWS's own client has, which would
// have to be compiled.
import { createHmac, timingSafeEqual } from "node:crypto";
import { Agent, request } from "node:http";
import { SQSClient, SendMessageCommand } from "@aws-sdk/client-sqs";

const { APP_SECRET, AWS_LAMBDA_RUNTIME_API, INBOUND_QUEUE_URL } = process.env;
// Where it is measured, the queue is reached through what counts the calls.
const sqs = new SQSClient({ useQueueUrlAsEndpoint: false });

async function handler(event) {
  const body = Buffer.from(event.body, event.isBase64Encoded ? "base64" : "utf8");
  const told = Buffer.from(event.headers["x-hub-signature-256"] ?? "");
  const proof = Buffer.from("sha256=" + createHmac("sha256", APP_SECRET).update(body).digest("hex"));
  if (told.length !== proof.length || !timingSafeEqual(told, proof)) {
    return { statusCode: 401 };
  }
  const changes = JSON.parse(body).entry.flatMap((entry) => entry.changes);
  await Promise.all(
    changes.map((change) =>
      sqs.send(new SendMessageCommand({ QueueUrl: INBOUND_QUEUE_URL, MessageBody: JSON.stringify(change) })),
    ),
  );
  return { statusCode: 200 };
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const [host, port] = AWS_LAMBDA_RUNTIME_API.split(":");

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const sent = request({ agent, host, port, method, path: `/2018-06-01/runtime/invocation/${path}` }, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () => resolve({ headers: answer.headers, body: Buffer.concat(chunks) }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

for (;;) {
  const event = await call("GET", "next");
  const id = event.headers["lambda-runtime-aws-request-id"];
  try {
    await call("POST", `${id}/response`, JSON.stringify(await handler(JSON.parse(event.body))));
  } catch (error) {
    await call("POST", `${id}/error`, JSON.stringify({ errorType: error.name, errorMessage: error.message }));
  }
}
