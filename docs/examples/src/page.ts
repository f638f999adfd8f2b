import type { Client } from "./client.js";
import { graphql } from "./gql/gql.js";

const Page = graphql(`
  query Page($after: String) {
    conversions(first: 50, after: $after) {
      edges { node { id status } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

export async function* all(client: Client) {
  let after: string | null | undefined;
  do {
    const { conversions } = await client.ask(Page, { after });
    yield* conversions.edges.map((edge) => edge.node);
    after = conversions.pageInfo.hasNextPage ? conversions.pageInfo.endCursor : null;
  } while (after);
}
