import type { Client } from "./client.js";
import { graphql } from "./gql/gql.js";

const Trace = graphql(`
  query Trace($by: TraceBy!) {
    trace(by: $by) {
      timeline { at kind summary }
      postbacks { result reason message checks { name passed detail } }
    }
  }
`);

export async function story(client: Client, clickId: string) {
  const { trace } = await client.ask(Trace, { by: { clickId } });
  return trace?.timeline.map((line) => `${line.at} ${line.kind}: ${line.summary}`) ?? [];
}
