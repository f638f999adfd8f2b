import assert from "node:assert/strict";
import test from "node:test";
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client/core/index.js";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { createHash } from "node:crypto";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { base, changes, list, sellUntil, signIn } from "./demo.mjs";

const token = await signIn("manager@demo.example");
const authorization = { Authorization: `Bearer ${token}` };

function client(link) {
  return new ApolloClient({ cache: new InMemoryCache(), link });
}

test("Apollo Client asks, normalises and pages", async () => {
  const apollo = client(new HttpLink({ uri: `${base}/graphql`, headers: authorization }));
  const { data } = await apollo.query({ query: gql(list), variables: { first: 5 } });
  assert.equal(data.conversions.edges.length, 5);
  const { id } = data.conversions.edges[0].node;
  assert.equal(apollo.cache.extract()[`Conversion:${id}`].id, id);
});

test("Apollo Client is told what is wrong", async () => {
  const apollo = client(new HttpLink({ uri: `${base}/graphql`, headers: authorization }));
  await assert.rejects(apollo.query({ query: gql("{ nothing }") }), (e) => e.errors[0].extensions.code === "BAD_USER_INPUT");
});

test("Apollo Client sends hashes", async () => {
  const sent = [];
  const hashes = new PersistedQueryLink({ sha256: (text) => createHash("sha256").update(text).digest("hex") });
  const http = new HttpLink({
    uri: `${base}/graphql`,
    headers: authorization,
    fetch: (url, options) => {
      sent.push(options.body);
      return fetch(url, options);
    },
  });
  const apollo = client(ApolloLink.from([hashes, http]));
  const query = gql(`query { viewer { role email } offers(first: 1) { edges { cursor } } } # ${Date.now()}`);
  for (let i = 0; i < 2; i++) {
    const { data } = await apollo.query({ query, fetchPolicy: "network-only" });
    assert.equal(data.viewer.role, "MANAGER");
  }
  assert(!JSON.parse(sent.at(-1)).query, "the last request still has the text");
});

test("Apollo Client subscribes over graphql-ws", async () => {
  const socket = createClient({ url: `${base.replace("http", "ws")}/graphql`, webSocketImpl: WebSocket, connectionParams: authorization });
  const apollo = client(new GraphQLWsLink(socket));
  const first = new Promise((resolve, reject) => apollo.subscribe({ query: gql(changes) }).subscribe({ next: ({ data }) => resolve(data.conversionChanged), error: reject }));
  const { change, sale } = await sellUntil(first);
  assert.equal(change.id, sale.conversion_id);
  await socket.dispose();
});
