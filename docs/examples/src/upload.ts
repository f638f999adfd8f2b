import type { Client } from "./client.js";
import { graphql } from "./gql/gql.js";

const Reconciliation = graphql(`
  query Reconciliation($id: ID!) {
    node(id: $id) {
      ... on Reconciliation {
        status
        error
        summary { kind count difference { amount currency } }
      }
    }
  }
`);

/** Sends an advertiser's list, and waits until it is compared with our conversions. */
export async function reconcile(client: Client, advertiser: string, from: string, to: string, csv: string) {
  const sent = await fetch(`${client.base}/reconciliations?${new URLSearchParams({ advertiser, from, to })}`, {
    method: "POST",
    headers: { "Content-Type": "text/csv", ...client.authorization() },
    body: csv,
  });
  if (sent.status !== 202) {
    throw new Error(`${sent.status}: ${await sent.text()}`);
  }
  const { id } = (await sent.json()) as { id: string };
  for (;;) {
    const { node } = await client.ask(Reconciliation, { id });
    if (!node || !("status" in node)) {
      throw new Error("it is gone");
    }
    if (node.status === "DONE" || node.status === "FAILED") {
      return node;
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
