import type { Client } from "./client.js";
import { graphql } from "./gql/gql.js";

const Approved = graphql(`
  query Approved($filter: ConversionFilter) {
    conversions(first: 20, filter: $filter, orderBy: { field: EVENT_AT, direction: DESC }) {
      edges {
        node { id transactionId eventAt status payout { amount currency } offer { id name } }
      }
    }
  }
`);

export async function approved(client: Client, from: string) {
  const { conversions } = await client.ask(Approved, { filter: { from, statuses: ["APPROVED"] } });
  return conversions.edges.map((edge) => edge.node);
}
