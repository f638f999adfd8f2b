import assert from "node:assert/strict";
import test from "node:test";
import { createClient as createSSE } from "graphql-sse";
import { CloseCode, createClient as createSocket } from "graphql-ws";
import WebSocket from "ws";
import { base, changes, sell, sellUntil, signIn } from "./demo.mjs";

const token = await signIn("fjell@demo.example");
const authorization = { Authorization: `Bearer ${token}` };
const url = `${base.replace("http", "ws")}/graphql`;

const socket = (options) => createSocket({ url, webSocketImpl: WebSocket, connectionParams: authorization, retryAttempts: 0, ...options });

for (const [name, connect] of Object.entries({
  "graphql-ws": () => socket(),
  "graphql-sse": () => createSSE({ url: `${base}/graphql`, headers: authorization, retryAttempts: 0 }),
})) {
  test(`${name} is told of changes, and goes on after a cursor`, async () => {
    const client = connect();
    const live = client.iterate({ query: changes });
    const { change } = await sellUntil(live.next().then(({ value }) => value.data.conversionChanged));
    await live.return();
    const missed = await sell();
    const resumed = client.iterate({ query: changes, variables: { after: change.changeCursor } });
    const ids = new Set();
    while (!ids.has(missed.conversion_id)) {
      const { value } = await resumed.next();
      assert(!value.errors, JSON.stringify(value.errors));
      assert(value.data.conversionChanged.id !== change.id, "what was told is told again");
      ids.add(value.data.conversionChanged.id);
    }
    await resumed.return();
    client.dispose();
  });

  test(`${name} runs queries, and is told what is wrong`, async () => {
    const client = connect();
    for await (const { data } of client.iterate({ query: "{ viewer { email } }" })) {
      assert.equal(data.viewer.email, "fjell@demo.example");
    }
    try {
      for await (const { errors } of client.iterate({ query: "{ nothing }" })) {
        throw errors;
      }
      assert.fail("it was answered");
    } catch (errors) {
      assert.equal(errors[0]?.extensions?.code, "BAD_USER_INPUT", JSON.stringify(errors));
    }
    client.dispose();
  });
}

test("graphql-ws with a bad token is closed with 4403", async () => {
  const client = socket({ connectionParams: { Authorization: "Bearer nonsense" } });
  await assert.rejects(client.iterate({ query: "{ viewer { email } }" }).next(), (e) => e.code === CloseCode.Forbidden);
});
