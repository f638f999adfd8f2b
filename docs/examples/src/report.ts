import type { Client } from "./client.js";
import { graphql } from "./gql/gql.js";

const Report = graphql(`
  query Report($input: ReportInput!) {
    report(input: $input) {
      asOf
      rows {
        key { dimension value label }
        metrics { clicks conversions approved payout { amount currency } }
      }
      totals { clicks approved payout { amount currency } }
    }
  }
`);

export async function byOffer(client: Client, from: string, to: string) {
  const { report } = await client.ask(Report, { input: { from, to, timeZone: "Europe/Oslo", currency: "NOK", groupBy: ["OFFER"] } });
  return report;
}
