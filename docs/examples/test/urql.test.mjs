import assert from "node:assert/strict";
import test from "node:test";
import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { base, changes, list, sellUntil, signIn } from "./demo.mjs";

const token = await signIn("fjell@demo.example");
const authorization = { Authorization: `Bearer ${token}` };

test("urql asks, by POST and by GET", async () => {
  for (const preferGetMethod of [false, "force"]) {
    const urql = new Client({ url: `${base}/graphql`, preferGetMethod, fetchOptions: { headers: authorization }, exchanges: [fetchExchange] });
    const { data, error } = await urql.query(list, { first: 3 }).toPromise();
    assert.ifError(error);
    assert.equal(data.conversions.edges.length, 3);
  }
});

test("urql is told what is wrong", async () => {
  const urql = new Client({ url: `${base}/graphql`, fetchOptions: { headers: authorization }, exchanges: [fetchExchange] });
  const forbidden = await urql.mutation("mutation { createAffiliate(input: { name: \"X\" }) { userErrors { code } } }", {}).toPromise();
  assert.equal(forbidden.error.graphQLErrors[0].extensions.code, "FORBIDDEN");
  const wrong = await urql.query("{ offers(first: 101) { edges { cursor } } }", {}).toPromise();
  assert.equal(wrong.error.graphQLErrors[0].extensions.code, "BAD_USER_INPUT");
});

test("urql subscribes over graphql-ws, and over server-sent events of its own", async () => {
  const socket = createClient({ url: `${base.replace("http", "ws")}/graphql`, webSocketImpl: WebSocket, connectionParams: authorization });
  const overSocket = subscriptionExchange({
    forwardSubscription: ({ query, variables }) => ({
      subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
    }),
  });
  for (const options of [{ exchanges: [overSocket] }, { exchanges: [fetchExchange], fetchSubscriptions: true }]) {
    const urql = new Client({ url: `${base}/graphql`, fetchOptions: { headers: authorization }, preferGetMethod: false, ...options });
    let stop;
    const first = new Promise((resolve, reject) => {
      stop = urql.subscription(changes, {}).subscribe(({ data, error }) => (error ? reject(error) : resolve(data.conversionChanged)));
    });
    const { change, sale } = await sellUntil(first);
    assert.equal(change.id, sale.conversion_id);
    assert.equal(change.revenue, null); // an affiliate's
    stop.unsubscribe();
  }
  await socket.dispose();
});
