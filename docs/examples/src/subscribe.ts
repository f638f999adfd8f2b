import { createClient } from "graphql-sse";
import type { Client } from "./client.js";
import { graphql } from "./gql/gql.js";
import type { ChangesSubscription } from "./gql/graphql.js";

const Changes = graphql(`
  subscription Changes($after: String) {
    conversionChanged(after: $after) {
      id status transactionId payout { amount currency }
      changeCursor
    }
  }
`);

/** Tells of changes, also of those that happen while the connection is lost. */
export async function* changes(client: Client, after?: string | null) {
  for (;;) {
    const live = createClient({ url: `${client.base}/graphql`, headers: () => client.authorization(), retryAttempts: 0 });
    try {
      for await (const { data, errors } of live.iterate<ChangesSubscription>({ query: Changes.toString(), variables: { after } })) {
        if (!data) {
          throw new Error(errors?.[0]?.message); // such as UNAUTHENTICATED: refresh, and begin again after the cursor
        }
        after = data.conversionChanged.changeCursor;
        yield data.conversionChanged;
      }
      return;
    } catch (lost) {
      if (!(lost instanceof Error) || lost.name !== "NetworkError") {
        throw lost;
      }
      await new Promise((resolve) => setTimeout(resolve, 1000));
    } finally {
      live.dispose();
    }
  }
}
